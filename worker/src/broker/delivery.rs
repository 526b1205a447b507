//! A message in our custody.

use lapin::{
    Acker,
    message::Delivery as Received,
    options::{BasicAckOptions, BasicNackOptions},
    types::ShortString,
};

use super::{
    error::Error,
    headers::{DELIVERY_COUNT_HEADER, RETRY_COUNT_HEADER, count},
    topology::{PLANS, REPORTS, REQUESTED},
};
use crate::message::TaskKind;

/// A message in our custody: the broker keeps it until it is acknowledged.
#[derive(Debug)]
pub struct Delivery {
    /// What is to be done with it.
    pub kind: TaskKind,
    /// The message.
    pub body: Vec<u8>,
    /// How often it has failed before.
    pub retry_count: u32,
    /// How often the broker has handed it out in vain: to workers that died or stopped.
    pub delivery_count: u32,
    /// Whether the broker has handed it out before.
    pub redelivered: bool,
    /// Whether it was handed out too often before, and is now handed out alone.
    pub quarantined: bool,
    pub(super) routing_key: ShortString,
    acker: Acker,
}

impl Delivery {
    pub(super) fn of(received: Received, quarantined: bool) -> Self {
        let properties = &received.properties;
        Self {
            kind: kind_of(properties.kind().as_ref(), received.routing_key.as_str()),
            retry_count: count(properties, RETRY_COUNT_HEADER),
            delivery_count: count(properties, DELIVERY_COUNT_HEADER),
            redelivered: received.redelivered,
            quarantined,
            routing_key: received.routing_key,
            acker: received.acker,
            body: received.data,
        }
    }

    /// Gives it back, for another worker to take at once.
    pub(super) async fn hand_back(&self) -> Result<(), Error> {
        let again = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        self.acker.nack(again).await?;
        Ok(())
    }

    /// Ends our custody. An acknowledgement that is lost with its connection is no error: the message comes again, and
    /// every step may run twice.
    pub async fn acknowledge(&self) {
        match self.acker.ack(BasicAckOptions::default()).await {
            Ok(true) => {}
            Ok(false) => tracing::debug!("acknowledgement not sent, the connection is gone"),
            Err(error) => tracing::debug!(%error, "acknowledgement not sent"),
        }
    }
}

/// By routing key, which a message keeps on all its ways; markers wait among the others.
fn kind_of(message_type: Option<&ShortString>, routing_key: &str) -> TaskKind {
    match message_type.map(ShortString::as_str) {
        Some(text) if text == TaskKind::Marker.as_str() => TaskKind::Marker,
        _ => kind_of_key(routing_key),
    }
}

pub(super) fn kind_of_key(routing_key: &str) -> TaskKind {
    match routing_key {
        REQUESTED => TaskKind::Receive,
        REPORTS => TaskKind::Report,
        key if key.starts_with(PLANS) => TaskKind::Plan,
        _ => TaskKind::Batch,
    }
}
