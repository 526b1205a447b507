//! What crosses the broker between steps. Plain values: no broker, no database, no I/O.

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use shared::contract::{
    Id, Version,
    cancel::Cancel,
    event::Event,
    job::{self, Job, MAX_JOB_BYTES},
    message::{PlanDue, ReportDue, RowsDue},
};
use strum::{EnumString, IntoStaticStr};
use uuid::Uuid;

/// A message larger than this is not looked into: four times the largest job, so that the Dialer is told of a job that is a
/// little too large, and nothing of many MiB is parsed.
const MAX_SUBJECT_BYTES: usize = 4 * MAX_JOB_BYTES;

/// How much is kept of a message that is set aside and larger than any of ours: enough to see whose it is. A message may
/// have 128 MiB.
const KEPT_BYTES: usize = 4096;

/// An attempt of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportRef {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    pub attempt: u32,
}

/// The rows of a batch by their numbers, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// Number of the first row, from 1.
    pub first: u32,
    /// Number of the last row.
    pub last: u32,
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
    /// Note that this marker came out of its queue.
    Marker(Marker),
}

/// What kind of task a message holds, known before it is parsed from the queue that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
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

/// A message between steps about an import.
macro_rules! due {
    ($due:ident, $import:expr $(, $field:ident: $value:expr)*) => {
        $due {
            version: Version,
            import_id: $import.import_id,
            tenant_id: $import.tenant_id,
            attempt: $import.attempt,
            $($field: $value),*
        }
    };
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
            // Were it believed, what still waits in that other queue would be taken for lost.
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

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A job, as the Dialer publishes it.
    Job(Box<Job>),
    /// An import to plan, and the shard that it goes to.
    Plan(ImportRef, u16),
    /// A batch of rows, and the shard that it goes to.
    Batch(ImportRef, RowRange, u16),
    /// Reports that can be written.
    Report(ImportRef),
    /// A marker for one of the queues.
    Marker(Marker),
    /// An event for the Dialer.
    Event(Box<Event>),
}

impl Message {
    /// An event for the Dialer.
    pub fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }

    /// The message as JSON.
    pub fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Job(job) => serde_json::to_vec(job),
            Self::Plan(import, _) => serde_json::to_vec(&due!(PlanDue, import)),
            Self::Batch(import, rows, _) => {
                serde_json::to_vec(&due!(RowsDue, import, first_row: rows.first, last_row: rows.last))
            }
            Self::Report(import) => serde_json::to_vec(&due!(ReportDue, import)),
            Self::Marker(marker) => serde_json::to_vec(marker),
            Self::Event(event) => serde_json::to_vec(event),
        }
    }
}

/// Which import a message is about, as far as even a message that is not valid tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its attempt; a job has none.
    pub attempt: Option<u32>,
}

impl Subject {
    /// `None` if the message does not tell it, or is far too large to be one of ours.
    pub fn of(body: &[u8]) -> Option<Self> {
        let told = Told::of(body)?;
        Some(Self {
            import_id: told.import_id.known()?,
            tenant_id: told.tenant_id.and_then(TenantText::known)?,
            attempt: told.attempt,
        })
    }

    /// The import ID of a job, and its tenant if that can be read too: enough to answer it.
    pub fn of_job(body: &[u8]) -> Option<(Uuid, Option<Id>)> {
        let told = Told::of(body)?;
        Some((
            told.import_id.known()?,
            told.tenant_id.and_then(TenantText::known),
        ))
    }
}

/// What a message tells of its import, in whatever way its publisher wrote it: a job is to be answered even where it is refused
/// for just that.
#[derive(Deserialize)]
struct Told {
    import_id: ImportText,
    tenant_id: Option<TenantText>,
    attempt: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ImportText {
    Text(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TenantText {
    Number(i64),
    Text(String),
    Other(IgnoredAny),
}

impl Told {
    fn of(body: &[u8]) -> Option<Self> {
        let body = Some(body).filter(|body| body.len() <= MAX_SUBJECT_BYTES)?;
        serde_json::from_slice(body.strip_prefix(job::BYTE_ORDER_MARK).unwrap_or(body)).ok()
    }
}

impl ImportText {
    fn known(self) -> Option<Uuid> {
        match self {
            Self::Text(text) => Uuid::try_parse(text.trim()).ok(),
            Self::Other(_) => None,
        }
    }
}

impl TenantText {
    fn known(self) -> Option<Id> {
        let number = match self {
            Self::Number(number) => number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Other(_) => return None,
        };
        number.try_into().ok()
    }
}

/// The trace that a message belongs to, in the form of W3C Trace Context. Whoever publishes a message may write anything here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// What published the message.
    pub parent: Option<String>,
    /// What makers of tracing systems add.
    pub state: Option<String>,
}

impl Trace {
    /// Header of [`Trace::parent`].
    pub const PARENT_HEADER: &str = "traceparent";

    /// Header of [`Trace::state`].
    pub const STATE_HEADER: &str = "tracestate";

    /// Longest value that is taken from a header. Source: W3C Trace Context, section 3.3.1.5, wants at least as much passed on.
    const MAX_BYTES: usize = 512;

    /// A header's value, unless it cannot be one.
    pub fn accept(value: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(value).ok()?;
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (is_plain && text.len() <= Self::MAX_BYTES).then(|| text.to_owned())
    }
}

/// A message that is set aside for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: DeadReason,
    /// The last error.
    pub error: Option<String>,
    /// Routing key with which it was published.
    pub origin: String,
    /// How often it was tried again before.
    pub retry_count: u32,
    /// Its ID, if its publisher gave it one.
    pub message_id: Option<String>,
    /// The import that it is about, if it tells that.
    pub subject: Option<Subject>,
    /// The message, or its beginning if it is larger than any of ours.
    pub body: Vec<u8>,
    /// Size of the message in bytes.
    pub size_bytes: usize,
}

/// As much of a message as a dead letter keeps.
pub fn kept(body: &[u8]) -> Vec<u8> {
    let kept = if body.len() > MAX_JOB_BYTES {
        KEPT_BYTES
    } else {
        body.len()
    };
    body.iter().take(kept).copied().collect()
}

/// Why a message was set aside for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, clap::ValueEnum)]
#[strum(serialize_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum DeadReason {
    /// It is not a job or message of this contract.
    Malformed,
    /// A newer release wrote it.
    NewerVersion,
    /// Its import ID belongs to another job.
    ImportIdTaken,
    /// The import of its ID was purged.
    ImportPurged,
    /// It failed in a way that no retry mends.
    #[strum(serialize = "permanent_error")]
    #[value(name = "permanent_error")]
    Permanent,
    /// It failed as often as is tried.
    RetriesExhausted,
    /// Its worker died each time that it ran it.
    KillsWorkers,
    /// The import's messages were lost again and again.
    MessagesLost,
    /// The broker delivered it as often as it may, and no worker lived to set it aside.
    DeliveryLimit,
    /// The broker's policy gave it less time than it waited.
    Expired,
    /// The broker's policy gave its queue less room than it needed.
    Maxlen,
    /// Somebody took it out of its queue and refused it.
    Rejected,
    /// Whoever set it aside did not say.
    Unknown,
}

impl DeadReason {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::NewerVersion,
        Self::ImportIdTaken,
        Self::ImportPurged,
        Self::Permanent,
        Self::RetriesExhausted,
        Self::KillsWorkers,
        Self::MessagesLost,
        Self::DeliveryLimit,
        Self::Expired,
        Self::Maxlen,
        Self::Rejected,
        Self::Unknown,
    ];

    /// The name in headers, events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What it means for the Dialer, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "The job is not valid.",
            Self::NewerVersion => "The job has a version that this release of the worker cannot read.",
            Self::ImportIdTaken => {
                "The import ID belongs to an import with another job: publish with a new ID."
            }
            Self::ImportPurged => "The import of this ID was purged: publish with a new ID.",
            Self::Permanent => {
                "The import met an error that does not pass by itself: an operator has to look at it."
            }
            Self::RetriesExhausted => {
                "Something that the import needs was not available for too long: an operator can replay the import."
            }
            Self::KillsWorkers => {
                "The import ended every worker that took it: an operator has to look at it."
            }
            Self::MessagesLost => {
                "The broker lost the messages of the import again and again: an operator can replay it."
            }
            Self::DeliveryLimit | Self::Expired | Self::Maxlen | Self::Rejected | Self::Unknown => {
                "The broker set a message of the import aside: an operator can replay the import."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_as_the_task_that_it_asks_for() {
        let import = ImportRef {
            import_id: Uuid::from_u128(7),
            tenant_id: Id::try_from(1).unwrap(),
            attempt: 2,
        };
        let rows = RowRange { first: 3, last: 9 };
        let cases = [
            (Message::Plan(import, 1), TaskKind::Plan, Task::Plan(import)),
            (
                Message::Batch(import, rows, 1),
                TaskKind::Batch,
                Task::Batch(import, rows),
            ),
            (Message::Report(import), TaskKind::Report, Task::Report(import)),
        ];
        for (message, kind, task) in cases {
            assert_eq!(Task::parse(kind, &message.body().unwrap()).unwrap(), task);
        }
    }

    #[test]
    fn what_cannot_be_a_trace_header_is_not_taken_for_one() {
        assert_eq!(Trace::accept(b"00-a-b-01"), Some("00-a-b-01".to_owned()));
        for hostile in [&[0xff_u8][..], "é".as_bytes(), b"a\nb", b"\0", &[b'x'; 513]] {
            assert_eq!(Trace::accept(hostile), None, "{hostile:?}");
        }
    }

    #[test]
    fn an_invalid_message_still_tells_its_import() {
        let body = br#"{"version": 9, "import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": 7, "x": [1]}"#;
        let subject = Subject::of(body).unwrap();
        assert_eq!(
            (subject.import_id.as_u128() >> 96, subject.tenant_id.get()),
            (0x7c0f_fee0, 7)
        );
        let spelt = b"\xEF\xBB\xBF{\"import_id\": \"urn:uuid:7c0ffee0-0000-4000-8000-000000000001\", \"tenant_id\": \"7\"}";
        assert_eq!(Subject::of(spelt), Some(subject), "a refused job is answered");
        let no_tenant = br#"{"import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": [7]}"#;
        assert_eq!(Subject::of(no_tenant), None);
        assert_eq!(Subject::of_job(no_tenant), Some((subject.import_id, None)));
        assert_eq!(Subject::of(b"no json"), None);
        assert_eq!(Subject::of(br#"{"tenant_id": 7}"#), None);
    }
}
