//! JSON Schemas of everything that crosses the broker, made from the types.
//!
//! Adds what the types cannot express: identifiers, the rules of evolution, examples. Rewrites what is common in Rust
//! but unusual elsewhere in simpler terms, so that validators in strict mode and type generators accept it.

pub(crate) mod event;
mod tidy;

use jsonschema::Validator;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use tidy::tidy;

/// How jobs may change within a version.
const JOB_RULES: &str = "Within version 1 a job may get new optional fields, and fields new values; none changes its meaning, and \
    none becomes required, so that every job that is valid stays valid. A worker refuses what it does not know: begin to use what \
    is new when all workers are upgraded (CHANGELOG.md). Another version would be read alongside version 1, and the end of \
    version 1 would be announced in CHANGELOG.md at least a year before.";

/// A validator that checks formats too.
pub(super) fn validator(schema: &Schema) -> Option<Validator> {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema.as_value()).ok()
}

/// The schema of what the Dialer publishes.
pub(super) fn of_dialer<T: JsonSchema>(name: &str, examples: &[&str]) -> Schema {
    let mut schema = of::<T>(name);
    schema.insert("$comment".into(), json!(JOB_RULES));
    schema.insert(
        "examples".into(),
        examples.iter().map(|text| example(text)).collect(),
    );
    let mut schema = Value::Object(schema);
    tidy::forbid_nul(&mut schema);
    Schema::try_from(schema).unwrap_or_default()
}

/// The schema of a type, without rules and examples: of messages between workers, which concern nobody else.
pub(crate) fn plain<T: JsonSchema>(name: &str) -> Schema {
    finished(of::<T>(name))
}

/// The schema of a type, with an identifier.
fn of<T: JsonSchema>(name: &str) -> Map<String, Value> {
    // A writer may send whatever our readers accept, so optional fields are optional in the schema.
    let schema = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    let Value::Object(mut schema) = schema else {
        return Map::new();
    };
    schema.insert("$id".into(), json!(format!("urn:user-import:contract:1:{name}")));
    schema
}

/// An example; the tests check that all of them are JSON.
fn example(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn finished(schema: Map<String, Value>) -> Schema {
    Schema::from(schema)
}
