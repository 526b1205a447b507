//! The queue `imports.dead`: what the broker itself set aside becomes a dead letter, and so do the dead letters that
//! workers of earlier versions kept there.
//!
//! The headers say why: the broker's own if the broker set it aside, ours if a worker did, which then also failed the
//! import.

use lapin::{
    BasicProperties,
    types::{FieldTable, ShortString},
};

use super::{
    headers::{RETRY_COUNT_HEADER, count, death_reason, died_in, text},
    topology::Topology,
};
use crate::message::{self, DeadLetter, DeadReason, Subject};

/// Headers of workers that kept dead letters there.
const REASON: &str = "import-reason";
const ERROR: &str = "import-error";
const ORIGIN: &str = "import-origin";
const IMPORT: &str = "import-id";
const TENANT: &str = "import-tenant";
/// Size of a message that was not kept whole.
const SIZE: &str = "import-size";

/// A message in the queue of dead letters.
#[derive(Debug)]
pub struct SetAside {
    /// The dead letter that it becomes.
    pub letter: DeadLetter,
    /// Whether a worker set it aside, which has already failed its import.
    pub by_worker: bool,
}

impl SetAside {
    pub(super) fn of(
        properties: &BasicProperties,
        routing_key: &ShortString,
        body: &[u8],
        topology: &Topology,
    ) -> Self {
        let mut headers = properties.headers().clone().unwrap_or_default();
        let brokers_reason = death_reason(&headers);
        let came_in = died_in(&headers).find_map(|queue| topology.key_of(&queue));
        if brokers_reason.is_some() {
            // The broker itself set it aside, so no worker wrote its headers.
            headers = FieldTable::default();
        }
        let workers = text(&headers, REASON);
        let reason = workers.clone().or(brokers_reason);
        let known = reason.as_ref().and_then(|reason| reason.parse().ok());
        let size = usize::try_from(count(properties, SIZE)).unwrap_or(usize::MAX);
        let letter = DeadLetter {
            reason: known.unwrap_or(DeadReason::Unknown),
            // A reason that we do not know is kept as the error, unless there is one.
            error: text(&headers, ERROR).or_else(|| reason.filter(|_| known.is_none())),
            origin: text(&headers, ORIGIN)
                .or_else(|| came_in.map(|key| key.to_string()))
                .unwrap_or_else(|| routing_key.to_string()),
            retry_count: count(properties, RETRY_COUNT_HEADER),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            // What the broker itself set aside has no headers of ours, and a message that was cut has no readable body.
            subject: Subject::of(body).or_else(|| subject(&headers)),
            body: message::kept(body),
            size_bytes: body.len().max(size),
        };
        Self {
            letter,
            by_worker: workers.is_some(),
        }
    }
}

fn subject(headers: &FieldTable) -> Option<Subject> {
    let tenant_id = headers.inner().get(TENANT)?.as_long_long_int()?;
    Some(Subject {
        import_id: text(headers, IMPORT)?.parse().ok()?,
        tenant_id: tenant_id.try_into().ok()?,
        attempt: None,
    })
}
