//! What is published of the contract: the files in `shared/schemas`.

use schemars::Schema;

use crate::{
    columns::Inspected,
    contract::{cancel, job, message, schema},
    report::ListedProblem,
};

/// File name and schema of each message, of a line in the list of problems, and of what `user-import columns` prints.
pub fn all() -> [(&'static str, Schema); 8] {
    [
        ("job.json", job::schema()),
        ("cancel.json", cancel::schema()),
        ("plan-due.json", schema::plain::<message::PlanDue>("plan-due")),
        ("rows-due.json", schema::plain::<message::RowsDue>("rows-due")),
        (
            "report-due.json",
            schema::plain::<message::ReportDue>("report-due"),
        ),
        ("event.json", schema::event::schema()),
        ("problem.json", schema::plain::<ListedProblem>("problem")),
        ("columns.json", schema::plain::<Inspected>("columns")),
    ]
}
