//! Envelopes: a message goes in; exchange, routing key, headers and body come out.

use lapin::{
    BasicProperties,
    types::{AMQPValue, ShortString},
};
use shared::contract::event;
use uuid::Uuid;

use super::{
    delivery::{Delivery, kind_of_key},
    headers::{POSTPONED_HEADER, RETRY_COUNT_HEADER, of_trace, stamp},
    topology::{QUARANTINE, REPORTS, REQUESTED, Topology},
};
use crate::{
    message::{Message, TaskKind, Trace},
    policy::Delay,
};

/// AMQP's delivery mode "persistent".
const PERSISTENT: u8 = 2;

/// A message as the broker takes it.
pub(super) struct Envelope {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

/// The message with exchange, routing key and properties.
pub(super) fn envelope(
    message: &Message,
    trace: &Trace,
    topology: &Topology,
) -> Result<Envelope, serde_json::Error> {
    let work = |routing_key: ShortString, kind: TaskKind| {
        let properties = properties(Uuid::new_v4().to_string(), "application/json", kind.as_str());
        (topology.work_exchange(), routing_key, properties)
    };
    let (exchange, routing_key, properties) = match message {
        Message::Job(_) => {
            let (_, routing_key, properties) = work(REQUESTED.into(), TaskKind::Receive);
            (topology.jobs_exchange(), routing_key, properties)
        }
        Message::Plan(_, shard) => work(topology.plans_key(*shard), TaskKind::Plan),
        Message::Batch(_, _, shard) => work(topology.batches_key(*shard), TaskKind::Batch),
        Message::Report(_) => work(REPORTS.into(), TaskKind::Report),
        Message::Marker(marker) => {
            let (exchange, routing_key, properties) = work(marker.queue.as_str().into(), TaskKind::Marker);
            match marker.queue.as_str() {
                QUARANTINE => (topology.quarantine(), routing_key, properties),
                _ => (exchange, routing_key, properties),
            }
        }
        Message::Event(event) => (
            topology.events_exchange(),
            event.body.routing_key().into(),
            properties(event.id.clone(), event::CONTENT_TYPE, "event"),
        ),
    };
    let mut headers = of_trace(trace);
    // A marker is not part of an import, and an event waits for the Dialer, not for us.
    if !matches!(message, Message::Marker(_) | Message::Event(_)) {
        stamp(&mut headers);
    }
    Ok(Envelope {
        exchange,
        routing_key,
        properties: properties.with_headers(headers),
        body: message.body()?,
    })
}

/// The delivery again, after a delay that grows with the number of failed tries.
pub(super) fn retry(delivery: &Delivery, retry_count: u32, topology: &Topology) -> Envelope {
    let headers = [(RETRY_COUNT_HEADER, AMQPValue::LongUInt(retry_count))];
    again(
        delivery,
        topology.delay_exchange(retry_count),
        &headers,
        delivery.body.clone(),
    )
}

/// The delivery again after a delay, as if the broker had delivered it again.
pub(super) fn postponed(delivery: &Delivery, delay: Delay, topology: &Topology) -> Envelope {
    let headers = [
        (RETRY_COUNT_HEADER, AMQPValue::LongUInt(delivery.retry_count)),
        (POSTPONED_HEADER, AMQPValue::Boolean(true)),
    ];
    again(
        delivery,
        topology.delay_queue(delay.name),
        &headers,
        delivery.body.clone(),
    )
}

/// The delivery again into the quarantine, where its deliveries are counted from 0.
pub(super) fn counted_anew(delivery: &Delivery, topology: &Topology) -> Envelope {
    again(delivery, topology.quarantine(), &[], delivery.body.clone())
}

/// A dead letter as it was before its first try.
pub(super) fn replayed(origin: &str, body: &[u8], topology: &Topology) -> Envelope {
    let kind = kind_of_key(origin).as_str();
    Envelope {
        exchange: topology.work_exchange(),
        routing_key: origin.into(),
        properties: properties(Uuid::new_v4().to_string(), "application/json", kind),
        body: body.to_vec(),
    }
}

fn again(
    delivery: &Delivery,
    exchange: ShortString,
    headers: &[(&str, AMQPValue)],
    body: Vec<u8>,
) -> Envelope {
    let mut table = of_trace(&delivery.trace);
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    let properties = unnamed("application/json", delivery.kind.as_str()).with_headers(table);
    Envelope {
        exchange,
        routing_key: delivery.key.clone(),
        // It is still the same message, and by its ID the same dead letter.
        properties: match &delivery.message_id {
            Some(message_id) => properties.with_message_id(message_id.clone()),
            None => properties,
        },
        body,
    }
}

fn properties(message_id: String, content_type: &str, kind: &str) -> BasicProperties {
    unnamed(content_type, kind).with_message_id(message_id.into())
}

fn unnamed(content_type: &str, kind: &str) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(content_type.into())
        .with_type(kind.into())
        .with_app_id("user-import".into())
}
