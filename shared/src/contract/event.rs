//! The events that the Dialer receives: CloudEvents 1.0 in structured JSON.
//!
//! No event carries the value of a cell. Source: CloudEvents 1.0.2, sections "Context Attributes" and "JSON
//! Event Format".

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Id, job::Mode};
use crate::{
    field::Field,
    file::{Delimiter, Encoding},
    problem::Code,
    rejection::RejectionCode,
};

/// Content type of every event message.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// Most problems that an event names: enough for a summary; the error CSV has them all.
pub const MAX_PROBLEMS: usize = 10;

/// What the Dialer is told about an import: a CloudEvents envelope around `data`.
///
/// An event may come more than once, always with the same `id` and the same content, and events with different IDs may
/// come in any order. The `completed`, `rejected`, `failed` or `cancelled` event of an attempt is final: ignore any
/// other event of that attempt that comes after it.
///
/// ```
/// use shared::contract::event::{Body, Event};
///
/// let event: Event = serde_json::from_str(
///     r#"{ "specversion": "1.0", "id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11/1", "source": "/user-import",
///          "type": "dialer.import.failed", "subject": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
///          "time": "2026-03-01T10:15:02.5Z", "datacontenttype": "application/json",
///          "data": { "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "tenant_id": 42, "attempt": 1,
///                    "reason": "retries_exhausted", "created": 12 } }"#,
/// )?;
/// assert_eq!(event.body.routing_key(), "import.failed");
/// let Body::Failed(failed) = event.body else { panic!("another event") };
/// assert_eq!((failed.reason.as_str(), failed.created), ("retries_exhausted", 12));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// `1.0`.
    pub specversion: SpecVersion,
    /// The same whenever the same event is published again: readers drop events that they have already seen.
    pub id: String,
    /// The publisher.
    #[schemars(extend("format" = "uri-reference"))]
    pub source: String,
    /// The import's ID.
    #[schemars(extend("format" = "uuid"))]
    pub subject: String,
    /// When it happened, RFC 3339 in UTC.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// `application/json`.
    #[schemars(extend("const" = "application/json"))]
    pub datacontenttype: String,
    /// What happened.
    #[serde(flatten)]
    pub body: Body,
}

/// Version of CloudEvents, `1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum SpecVersion {
    /// Version 1.0.
    #[default]
    #[serde(rename = "1.0")]
    V1,
}

/// What happened: the `type` of the event and its `data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum Body {
    /// Every row has its outcome and both reports are in object storage.
    #[serde(rename = "dialer.import.completed")]
    Completed(Completed),
    /// The file or the job was rejected as a whole; nothing was created.
    #[serde(rename = "dialer.import.rejected")]
    Rejected(Rejected),
    /// The import could not be finished; an operator can replay it.
    #[serde(rename = "dialer.import.failed")]
    Failed(Failed),
    /// The import was stopped, by an operator or by the Dialer.
    #[serde(rename = "dialer.import.cancelled")]
    Cancelled(Cancelled),
    /// More rows have their outcome.
    #[serde(rename = "dialer.import.progress")]
    Progress(Progress),
    /// A worker has taken the job; the file has not been read yet.
    #[serde(rename = "dialer.import.received")]
    Received(Received),
    /// All rows have been validated: how many there are, and how many users are about to be created.
    #[serde(rename = "dialer.import.planned")]
    Planned(Planned),
    /// Something that the import needs is not available; the import will be retried.
    #[serde(rename = "dialer.import.delayed")]
    Delayed(Delayed),
    /// A job was refused. It says nothing about the import that may have the ID of that job.
    #[serde(rename = "dialer.import.refused")]
    Refused(Refused),
}

impl Body {
    /// Routing key on the exchange of events.
    pub const fn routing_key(&self) -> &'static str {
        match self {
            Self::Completed(_) => "import.completed",
            Self::Rejected(_) => "import.rejected",
            Self::Failed(_) => "import.failed",
            Self::Cancelled(_) => "import.cancelled",
            Self::Progress(_) => "import.progress",
            Self::Received(_) => "import.received",
            Self::Planned(_) => "import.planned",
            Self::Delayed(_) => "import.delayed",
            Self::Refused(_) => "import.refused",
        }
    }

    /// Whether it is the final event of its attempt.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Completed(_) | Self::Rejected(_) | Self::Failed(_) | Self::Cancelled(_) => true,
            Self::Progress(_)
            | Self::Received(_)
            | Self::Planned(_)
            | Self::Delayed(_)
            | Self::Refused(_) => false,
        }
    }
}

/// The upload summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Rows of the file.
    pub total: u32,
    /// Rows that became users (in `validate` mode: that would have).
    pub created: u32,
    /// Rows whose only problem is that the user is there already.
    pub duplicates: u32,
    /// Rows that need fixing.
    pub errors: u32,
    /// Rows that were not processed because the import was cancelled.
    pub cancelled: u32,
}

/// How the file was read, and what in it was ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFormat {
    /// The encoding that was used, by its name in the WHATWG Encoding Standard, in lower case.
    pub encoding: Encoding,
    /// The delimiter that was used.
    pub delimiter: Delimiter,
    /// How many rows were ignored because their mapped cells are all blank while others have text; absent until all
    /// rows have been validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_rows: Option<u32>,
    /// The positions, from 1, of the columns that have a name and were not read; absent until all rows have been
    /// validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_columns: Option<Vec<u32>>,
}

/// One problem of one row, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowProblem {
    /// Number of the row, from 1, header and blank rows not counted.
    #[schemars(range(min = 1))]
    pub row: u32,
    /// Line in the file where the row begins, from 1.
    #[schemars(range(min = 1))]
    pub line: u32,
    /// The field; absent if the problem concerns the whole row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// What is wrong.
    pub code: Code,
}

/// The reports of one attempt. Those of earlier attempts hold the passwords of the users that those attempts created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReports {
    /// The attempt.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Rows that became users in it (in `validate` mode: that would have), each with a row in its success CSV.
    pub created: u32,
    /// Its reports.
    pub reports: ReportKeys,
}

/// Object keys of the reports of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportKeys {
    /// The success CSV, with the temporary passwords.
    pub success: String,
    /// The error CSV.
    pub errors: String,
    /// The list of problems, for programs: JSON lines, each valid against the schema `problem.json`. Absent where an
    /// earlier release wrote the reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problems: Option<String>,
}

/// When things happened: RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timings {
    /// A worker took the job.
    #[schemars(extend("format" = "date-time"))]
    pub received_at: String,
    /// All rows were validated; absent if the import was cancelled before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub planned_at: Option<String>,
    /// The import was finished.
    #[schemars(extend("format" = "date-time"))]
    pub finished_at: String,
    /// From `received_at` to `finished_at` in milliseconds.
    pub duration_ms: u64,
}

/// Data of the completed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Completed {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether users were created.
    pub mode: Mode,
    /// The upload summary.
    pub summary: Summary,
    /// How the file was read.
    pub file: FileFormat,
    /// The first problems in row order, at most ten.
    #[schemars(length(max = 10))]
    pub problems: Vec<RowProblem>,
    /// How many problems there are, by code; one row can have several. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, u32>")]
    pub problem_counts: BTreeMap<Code, u32>,
    /// The reports of this attempt.
    pub reports: ReportKeys,
    /// When the first of the temporary passwords in the success CSV expires; absent if no user was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub passwords_expire_at: Option<String>,
    /// The reports of every attempt that wrote any, this one last. All passwords of the import are in their success
    /// CSVs. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReports>,
    /// When things happened.
    pub timings: Timings,
}

/// Data of the cancelled event. Outcomes from before the cancellation stay as they are; the reports list them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cancelled {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether users were to be created.
    pub mode: Mode,
    /// The upload summary.
    pub summary: Summary,
    /// How the file was read; absent if the import was cancelled before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFormat>,
    /// The first problems in row order, at most ten.
    #[schemars(length(max = 10))]
    pub problems: Vec<RowProblem>,
    /// How many problems there are, by code; one row can have several. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, u32>")]
    pub problem_counts: BTreeMap<Code, u32>,
    /// The reports of this attempt; absent if the import was cancelled before the file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports: Option<ReportKeys>,
    /// When the first of the temporary passwords in the success CSV expires; absent if no user was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub passwords_expire_at: Option<String>,
    /// The reports of every attempt that wrote any, this one last. All passwords of the import are in their success
    /// CSVs. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReports>,
    /// When things happened.
    pub timings: Timings,
}

/// Data of the rejected event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether users were to be created.
    pub mode: Mode,
    /// Why.
    pub code: RejectionCode,
    /// Why, and what to do, in a sentence.
    pub message: String,
    /// How the file was read, where it could be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileFormat>,
}

/// Data of the failed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Why: the reason of the dead letter. More reasons may be added.
    #[schemars(extend("examples" = ["retries_exhausted", "permanent_error", "kills_workers", "messages_lost"]))]
    pub reason: String,
    /// The same in a sentence. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Rows of the import that have become users, in all attempts.
    pub created: u32,
    /// The reports of every attempt that wrote any; this one wrote none. All passwords of the import are in their
    /// success CSVs. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReports>,
}

/// Data of the progress event. It comes when another tenth of the rows has its outcome. The numbers of an attempt never
/// go back, but events may overtake each other: one with a larger `pending` than was seen before is to be ignored, and
/// so is any that comes after the attempt's final event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Rows so far; those without an outcome are counted in `total` only.
    pub summary: Summary,
    /// Rows without an outcome. Absent from events of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<u32>,
}

/// Data of the received event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Received {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1: a replay needs no new job.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether users are to be created.
    pub mode: Mode,
}

/// Data of the planned event. It does not come for a file that is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Whether users are to be created.
    pub mode: Mode,
    /// The rows as they stand; `total` is known from now on.
    pub summary: Summary,
    /// Rows that are still to be processed.
    pub pending: u32,
    /// How the file was read.
    pub file: FileFormat,
}

/// Data of the delayed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delayed {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// What is not available. More reasons may be added.
    #[schemars(extend("examples" = ["database", "storage", "seal", "internal"]))]
    pub reason: String,
    /// The same in a sentence.
    pub message: String,
    /// Since when the import has made no progress.
    #[schemars(extend("format" = "date-time"))]
    pub since: String,
    /// When it will be tried again.
    #[schemars(extend("format" = "date-time"))]
    pub next_try_at: String,
}

/// Data of the refused event, which concerns one message only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refused {
    /// The import ID in the job.
    pub import_id: Uuid,
    /// The tenant in the job; absent if it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Id>,
    /// Why. More reasons may be added.
    #[schemars(extend("examples" = ["malformed", "import_id_taken", "import_purged"]))]
    pub reason: String,
    /// Why, and what to do, in a sentence.
    pub message: String,
    /// The place in the job, as a JSON Pointer (RFC 6901), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
