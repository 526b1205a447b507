//! What crosses the broker between steps. Plain values: no broker, no database, no I/O.

use serde::{Deserialize, Serialize};
use shared::contract::{
    Id,
    event::Event,
    job::{Job, MAX_JOB_BYTES},
    message::{PlanDue, ReportDue, RowsDue},
};
use strum::IntoStaticStr;
use uuid::Uuid;

/// Messages larger than this are not looked into: four times the largest job, so that the Dialer is told of one that is a
/// little too large, and nothing of many MiB is parsed.
const MOST_BYTES: usize = 4 * MAX_JOB_BYTES;

/// What a message asks a step to do, known from the queue that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// A job is to be kept.
    Receive,
    /// An import is to be planned.
    Plan,
    /// The users of a batch are to be created.
    Batch,
    /// The reports of an import are to be written.
    Report,
    /// The rescue is to be told that this message came out of its queue.
    Marker,
}

impl TaskKind {
    /// The name in logs and message types.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "job",
            Self::Plan => "plan-due",
            Self::Batch => "rows-due",
            Self::Report => "report-due",
            Self::Marker => "probe",
        }
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A job, as the Dialer publishes it.
    Job(Box<Job>),
    /// An import to plan, and the shard that it goes to.
    Plan(PlanDue, u16),
    /// A batch of rows, and the shard that it goes to.
    Batch(RowsDue, u16),
    /// Reports that can be written.
    Report(ReportDue),
    /// A marker of the rescue.
    Marker(Marker),
    /// An event for the Dialer.
    Event(Box<Event>),
}

impl Message {
    /// An event for the Dialer.
    pub fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }
}

/// A message that only shows when it comes out of its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// Routing key of the queue.
    pub queue: String,
    /// All queues are marked in one round.
    pub round: i64,
}

/// Which import a message is about: what can be told even of a message that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its attempt; a job has none.
    pub attempt: Option<u32>,
}

impl Subject {
    /// `None` if the message does not say, or is far too large to be one of ours.
    pub fn of(body: &[u8]) -> Option<Self> {
        let body = Some(body).filter(|body| body.len() <= MOST_BYTES)?;
        serde_json::from_slice(body).ok()
    }
}

/// Why a message was set aside for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DeadReason {
    /// It is not a job or message of this contract.
    Malformed,
    /// Its import ID belongs to another job.
    ImportIdTaken,
    /// It failed in a way that no retry mends.
    #[strum(serialize = "permanent_error")]
    Permanent,
    /// It failed as often as is tried.
    RetriesExhausted,
    /// Whenever it is handled, its worker dies.
    KillsWorkers,
    /// The import's messages were lost again and again.
    MessagesLost,
}

impl DeadReason {
    /// The name in headers, events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_message_still_tells_its_import() {
        let body = br#"{"version": 9, "import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": 7, "x": [1]}"#;
        let subject = Subject::of(body).unwrap();
        assert_eq!(
            (subject.import_id.as_u128() >> 96, subject.tenant_id.get()),
            (0x7c0f_fee0, 7)
        );
        assert_eq!(Subject::of(b"no json"), None);
        assert_eq!(Subject::of(br#"{"tenant_id": 7}"#), None);
    }
}
