//! A message in our custody.

use std::time::Duration;

use lapin::{
    Acker,
    message::Delivery as Received,
    options::{BasicAckOptions, BasicRejectOptions},
    types::ShortString,
};

use super::{
    dead::SetAside,
    error::Error,
    headers::{
        DEATHS_HEADER, DELIVERY_COUNT_HEADER, POSTPONED_HEADER, RETRY_COUNT_HEADER, age, count, died_in, has,
        trace,
    },
    topology::{CANCEL, PLANS, QUARANTINE, REPORTS, REQUESTED, Topology, is_work},
};
use crate::{
    message::{self, DeadLetter, DeadReason, Subject, TaskKind, Trace},
    policy::DELIVERY_LIMIT,
};

/// A message in our custody: the broker keeps it until it is acknowledged.
#[derive(Debug)]
pub struct Delivery {
    /// What is to be done with it.
    pub kind: TaskKind,
    /// The message.
    pub body: Vec<u8>,
    /// How often it has failed before. Only workers count that, so it is 0 for what anybody else published.
    pub retry_count: u32,
    /// How often the broker has delivered it before to workers that then died or stopped.
    pub delivery_count: u32,
    /// Whether it was delivered before.
    pub redelivered: bool,
    /// Whether it was delivered too often before, and is now delivered alone.
    pub quarantined: bool,
    /// The key that leads to the queue that it came from. Its routing key says only what its publisher wrote: a `CC` header
    /// leads a message with any key to any queue of the exchange.
    pub(super) key: ShortString,
    /// The trace that it belongs to.
    pub trace: Trace,
    /// How long it waited for a worker, if it is taken for the first time and its publisher says when it was published.
    pub waited: Option<Duration>,
    /// Whether it certainly comes from a worker. For what came into the quarantine from another queue that is not
    /// certain: its publisher may have forged the headers that say which way it came.
    pub is_workers: bool,
    /// The dead letter that it becomes, if it comes from the queue of dead letters.
    pub set_aside: Option<Box<SetAside>>,
    pub(super) message_id: Option<ShortString>,
    acker: Acker,
}

impl Delivery {
    /// What was received from this queue.
    pub fn of(received: Received, queue: &str, topology: &Topology) -> Self {
        let properties = &received.properties;
        let quarantined = topology.quarantine().as_str() == queue;
        let is_dead = topology.dead().as_str() == queue;
        let set_aside = || SetAside::of(properties, &received.routing_key, &received.data, topology);
        let set_aside = is_dead.then(set_aside).map(Box::new);
        let key = if quarantined {
            let headers = properties.headers().as_ref();
            let died = headers.and_then(|headers| died_in(headers).find_map(|queue| topology.key_of(&queue)));
            // A worker published it there again.
            died.or_else(|| is_work(received.routing_key.as_str()).then(|| received.routing_key.clone()))
        } else {
            topology.key_of(queue)
        };
        let key = match &set_aside {
            Some(found) => found.letter.origin.as_str().into(),
            None => key.unwrap_or_else(|| QUARANTINE.into()),
        };
        let by_work_exchange = received.exchange == topology.work_exchange();
        let is_for_quarantine = quarantined && received.routing_key.as_str() == QUARANTINE;
        let is_first = !received.redelivered
            && !has(properties, RETRY_COUNT_HEADER)
            && !has(properties, POSTPONED_HEADER);
        Self {
            kind: kind_of(properties.kind().as_ref(), key.as_str()),
            retry_count: if by_work_exchange {
                count(properties, RETRY_COUNT_HEADER)
            } else {
                0
            },
            // RabbitMQ 4 passes on what a publisher wrote there, until it has a count of its own.
            delivery_count: if received.redelivered {
                count(properties, DELIVERY_COUNT_HEADER)
            } else {
                0
            },
            redelivered: received.redelivered
                || quarantined
                || by_work_exchange && has(properties, POSTPONED_HEADER),
            quarantined,
            key,
            trace: trace(properties),
            waited: age(properties).filter(|_| is_first),
            is_workers: by_work_exchange || is_for_quarantine && !has(properties, DEATHS_HEADER),
            set_aside,
            message_id: properties.message_id().clone(),
            acker: received.acker,
            body: received.data,
        }
    }

    /// Whether it came into the quarantine with the count of the queue in which it was delivered too often, as RabbitMQ
    /// does from 4.0 on. After one more death, of any worker, it would be set aside there as a message that kills
    /// workers.
    pub fn counts_from_elsewhere(&self) -> bool {
        self.quarantined && self.delivery_count > DELIVERY_LIMIT
    }

    /// The key that leads to the queue that it came from.
    pub fn key(&self) -> &str {
        self.key.as_str()
    }

    /// The message as it is set aside.
    pub fn dead_letter(&self, reason: DeadReason, error: &str, subject: Option<Subject>) -> DeadLetter {
        DeadLetter {
            reason,
            error: Some(error.to_owned()),
            origin: self.key.to_string(),
            retry_count: self.retry_count,
            message_id: self.message_id.as_ref().map(ToString::to_string),
            subject,
            body: message::kept(&self.body),
            size_bytes: self.body.len(),
        }
    }

    /// Gives it back, for another worker to take at once. Not by `nack`, which RabbitMQ 4.3 does not count: what a
    /// publisher wrote as the delivery count would then stay.
    pub(super) async fn hand_back(&self) -> Result<(), Error> {
        self.acker.reject(BasicRejectOptions { requeue: true }).await?;
        Ok(())
    }

    /// Ends our custody. An acknowledgement that is lost with its connection is not an error: the message is delivered
    /// again, and every step may run twice.
    pub async fn acknowledge(&self) {
        match self.acker.ack(BasicAckOptions::default()).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("acknowledgement not sent, the connection is gone"),
            Err(error) => tracing::debug!(%error, "acknowledgement not sent"),
        }
    }
}

/// Markers wait in the same queues as other messages.
fn kind_of(message_type: Option<&ShortString>, key: &str) -> TaskKind {
    match message_type.map(ShortString::as_str) {
        Some(text) if text == TaskKind::Marker.as_str() => TaskKind::Marker,
        _ => kind_of_key(key),
    }
}

pub(super) fn kind_of_key(key: &str) -> TaskKind {
    match key {
        REQUESTED => TaskKind::Receive,
        CANCEL => TaskKind::Cancel,
        REPORTS => TaskKind::Report,
        key if key.starts_with(PLANS) => TaskKind::Plan,
        _ => TaskKind::Batch,
    }
}
