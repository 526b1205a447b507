//! What a worker sends: a value goes in; exchange, routing key, headers and body come out.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use shared::contract::{
    event,
    event::Event,
    job::{Job, MAX_JOB_BYTES},
    message::{PlanDue, ReportDue, RowsDue},
};
use uuid::Uuid;

use super::{
    DeadLetter, REPORTS, REQUESTED, Topology,
    link::{Delivery, Step},
    topology::SUSPECTS,
};
use crate::{failure::About, sweep::Probe};

/// Header that counts failed tries. Ours, because `x-` headers belong to the broker.
pub(super) const TRIES_HEADER: &str = "import-tries";

/// Message type of probes, by which they are told from the messages among which they wait.
pub(super) const PROBE: &str = "probe";

/// Longest error text in a header: enough to read, and far below the largest frame.
const MAX_ERROR_CHARS: usize = 500;

/// How much a dead letter keeps of a message that is larger than any of ours: enough to see whose it is. Operators' commands
/// hold all dead letters at one time, and a message may have 128 MiB.
const KEPT_BYTES: usize = 4096;

/// Header of a dead letter: the import, if the message tells it.
pub(super) const IMPORT_HEADER: &str = "import-id";

/// Header of a dead letter: the import's tenant.
pub(super) const TENANT_HEADER: &str = "import-tenant";

/// Header of a dead letter that is not whole: the size of the message.
pub(super) const SIZE_HEADER: &str = "import-size";

/// AMQP's delivery mode "persistent".
const PERSISTENT: u8 = 2;

/// Why a message was set aside for an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadReason {
    /// It is not a job or message of this contract.
    Malformed,
    /// Its import ID belongs to another job.
    ImportIdTaken,
    /// It failed in a way that no retry mends.
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
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::ImportIdTaken => "import_id_taken",
            Self::Permanent => "permanent_error",
            Self::RetriesExhausted => "retries_exhausted",
            Self::KillsWorkers => "kills_workers",
            Self::MessagesLost => "messages_lost",
        }
    }
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A job, as the Dialer publishes it.
    Job(Box<Job>),
    /// An import to plan, and the shard that it goes to.
    Plan(PlanDue, u16),
    /// A batch of rows, and the shard that it goes to.
    Rows(RowsDue, u16),
    /// Reports that can be written.
    Report(ReportDue),
    /// A probe of the sweep.
    Probe(Probe),
    /// An event for the Dialer.
    Event(Box<Event>),
}

/// A message as the broker takes it.
pub(super) struct Letter {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    /// An event for the Dialer.
    pub fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }

    pub(super) fn letter(&self, topology: &Topology) -> Result<Letter, serde_json::Error> {
        let work = |routing_key: ShortString, kind: &str, body: Vec<u8>| Letter {
            exchange: topology.work_exchange(),
            routing_key,
            properties: properties(Uuid::new_v4().to_string(), "application/json", kind),
            body,
        };
        Ok(match self {
            Self::Job(job) => work(REQUESTED.into(), "job", serde_json::to_vec(job)?),
            Self::Plan(due, shard) => work(topology.plans_key(*shard), "plan-due", serde_json::to_vec(due)?),
            Self::Rows(due, shard) => work(topology.rows_key(*shard), "rows-due", serde_json::to_vec(due)?),
            Self::Report(due) => work(REPORTS.into(), "report-due", serde_json::to_vec(due)?),
            Self::Probe(probe) => {
                let letter = work(probe.queue.as_str().into(), PROBE, serde_json::to_vec(probe)?);
                match probe.queue.as_str() {
                    SUSPECTS => Letter {
                        exchange: topology.suspects(),
                        ..letter
                    },
                    _ => letter,
                }
            }
            Self::Event(event) => Letter {
                exchange: topology.events_exchange(),
                routing_key: event.body.routing_key().into(),
                properties: properties(event.id.clone(), event::CONTENT_TYPE, "event"),
                body: serde_json::to_vec(event)?,
            },
        })
    }
}

/// The delivery once more, after a delay that grows with the number of failed tries.
pub(super) fn retry(delivery: &Delivery, tries: u32, topology: &Topology) -> Letter {
    let headers = [(TRIES_HEADER, AMQPValue::LongUInt(tries))];
    again(
        delivery,
        topology.retry_exchange(tries),
        &headers,
        delivery.body.clone(),
    )
}

/// The delivery, set aside for an operator.
pub(super) fn dead_letter(
    delivery: &Delivery,
    reason: DeadReason,
    error: &str,
    about: Option<About>,
    topology: &Topology,
) -> Letter {
    let text = |text: &str| AMQPValue::LongString(text.into());
    let error: String = error.chars().take(MAX_ERROR_CHARS).collect();
    let mut headers = vec![
        ("import-reason", text(reason.as_str())),
        ("import-error", text(&error)),
        ("import-origin", text(delivery.routing_key.as_str())),
        (TRIES_HEADER, AMQPValue::LongUInt(delivery.tries)),
    ];
    if let Some(about) = about {
        headers.push((IMPORT_HEADER, text(&about.import_id.to_string())));
        headers.push((TENANT_HEADER, AMQPValue::LongLongInt(about.tenant_id.get())));
    }
    let size = delivery.body.len();
    if size > MAX_JOB_BYTES {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        headers.push((SIZE_HEADER, AMQPValue::LongUInt(size)));
    }
    let kept = if size > MAX_JOB_BYTES { KEPT_BYTES } else { size };
    let body = delivery.body.iter().take(kept).copied().collect();
    again(delivery, topology.dead(), &headers, body)
}

/// A dead letter as it was before its first try.
pub(super) fn revived(letter: &DeadLetter, topology: &Topology) -> Letter {
    let kind = Step::of_key(&letter.origin).as_str();
    Letter {
        exchange: topology.work_exchange(),
        routing_key: letter.origin.as_str().into(),
        properties: properties(Uuid::new_v4().to_string(), "application/json", kind),
        body: letter.body.clone(),
    }
}

fn again(delivery: &Delivery, exchange: ShortString, headers: &[(&str, AMQPValue)], body: Vec<u8>) -> Letter {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    Letter {
        exchange,
        routing_key: delivery.routing_key.clone(),
        properties: properties(
            Uuid::new_v4().to_string(),
            "application/json",
            delivery.step.as_str(),
        )
        .with_headers(table),
        body,
    }
}

fn properties(message_id: String, content_type: &str, kind: &str) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_message_id(message_id.into())
        .with_content_type(content_type.into())
        .with_type(kind.into())
        .with_app_id("user-import".into())
}
