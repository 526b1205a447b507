//! JSON Schemas of everything that crosses the broker, made from the types.

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::{event::Event, job::Job, message};

/// File name and schema of each message.
pub fn all() -> [(&'static str, Schema); 5] {
    [
        ("job.json", of::<Job>()),
        ("plan-due.json", of::<message::PlanDue>()),
        ("rows-due.json", of::<message::RowsDue>()),
        ("report-due.json", of::<message::ReportDue>()),
        ("event.json", of::<Event>()),
    ]
}

fn of<T: JsonSchema>() -> Schema {
    // What a writer may send is what our readers accept, so optional fields are optional in the schema.
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
}
