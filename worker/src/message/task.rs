//! A message as it is read: its body goes in, the task that it asks for comes out.

use serde::{Deserialize, de::DeserializeOwned};
use shared::contract::{
    Version,
    cancel::Cancel,
    job::{self, Job, MAX_JOB_BYTES},
    message::{PlanDue, ReportDue, RowsDue},
};
use strum::{IntoStaticStr, VariantArray};

use super::import_ref::{ImportRef, Marker, RowRange};

/// What one message asks a worker to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Store the job.
    Receive(Box<Job>),
    /// Cancel an import.
    Cancel(Cancel),
    /// Plan the import.
    Plan(ImportRef),
    /// Create the users of a batch.
    Batch(ImportRef, RowRange),
    /// Write the reports of the import.
    Report(ImportRef),
    /// Record that this marker came out of its queue.
    Marker(Marker),
}

/// What kind of task a message holds. It is known from the queue that the message came from, before anything is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
pub enum TaskKind {
    /// [`Task::Receive`]
    #[strum(serialize = "job")]
    Receive,
    /// [`Task::Cancel`]
    #[strum(serialize = "cancel")]
    Cancel,
    /// [`Task::Plan`]
    #[strum(serialize = "plan-due")]
    Plan,
    /// [`Task::Batch`]
    #[strum(serialize = "rows-due")]
    Batch,
    /// [`Task::Report`]
    #[strum(serialize = "report-due")]
    Report,
    /// [`Task::Marker`]
    #[strum(serialize = "probe")]
    Marker,
}

impl TaskKind {
    /// The type of its messages, and its name in logs.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The import of a message between steps: all of them begin with the same fields.
macro_rules! import_of {
    ($due:expr) => {{
        let due = $due;
        ImportRef {
            import_id: due.import_id,
            tenant_id: due.tenant_id,
            attempt: due.attempt,
        }
    }};
}

/// Why a message cannot be read as the task that its queue is for.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not such a task.
    #[error("the message is not valid: {0}")]
    Malformed(String),
    /// A worker of a newer release wrote it.
    #[error("the message has version {0}, which only a newer release of this program can read")]
    Newer(u32),
}

impl Task {
    /// Reads a message.
    pub fn parse(kind: TaskKind, body: &[u8]) -> Result<Self, Unreadable> {
        // Before anything is parsed. The largest messages of ours are jobs.
        if body.len() > MAX_JOB_BYTES {
            return Err(Unreadable::Malformed(format!(
                "{} bytes are more than the {MAX_JOB_BYTES} that a message may have",
                body.len()
            )));
        }
        Ok(match kind {
            TaskKind::Receive => {
                let job = job::parse(body).map_err(|error| Unreadable::Malformed(error.to_string()))?;
                Self::Receive(Box::new(job))
            }
            TaskKind::Cancel => {
                let asked = Cancel::parse(body).map_err(|error| Unreadable::Malformed(error.to_string()))?;
                Self::Cancel(asked)
            }
            TaskKind::Plan => Self::Plan(import_of!(parse::<PlanDue>(body)?)),
            TaskKind::Batch => {
                let due: RowsDue = parse(body)?;
                let rows = RowRange {
                    first: due.first_row,
                    last: due.last_row,
                };
                Self::Batch(import_of!(due), rows)
            }
            TaskKind::Report => Self::Report(import_of!(parse::<ReportDue>(body)?)),
            TaskKind::Marker => Self::Marker(parse(body)?),
        })
    }

    /// The task, unless it cannot have come from the queue to which this key leads.
    pub fn from_queue(self, key: &str) -> Result<Self, Unreadable> {
        match self {
            // If it were believed, what still waits in that other queue would be taken for lost.
            Self::Marker(marker) if marker.queue != key => {
                let text = format!("a marker of queue {:?} in queue {key:?}", marker.queue);
                Err(Unreadable::Malformed(text))
            }
            task => Ok(task),
        }
    }
}

/// All that is known of the form of a message of any version.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|error| match serde_json::from_slice(body) {
        Ok(Versioned { version }) if version > u32::from(Version) => Unreadable::Newer(version),
        _ => Unreadable::Malformed(error.to_string()),
    })
}
