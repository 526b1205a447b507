//! Receiving: a connection to the broker goes in, streams of deliveries come out.
//!
//! A link is never repaired. Whoever meets an error on it drops it and connects anew; the broker then hands out again
//! what was not acknowledged.

use std::time::Duration;

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use lapin::{
    Acker, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    tcp::OwnedTLSConfig,
    types::{AMQPValue, FieldTable, ShortString},
    uri::AMQPUri,
};

use super::{
    Error, Options, Publisher, REPORTS, REQUESTED, Topology, envelope::RETRY_COUNT_HEADER, topology::PLANS,
};
use crate::{fair::LeastRecentlyServed, message::TaskKind};

/// Time for TCP, TLS and AMQP handshakes and for all declarations; lapin's own time-out does not cover them.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that has been silent for twice this long is dead. In seconds; the broker's own default is 60. Source:
/// RabbitMQ's guide to heartbeats, which finds from 5 s on no false alarms.
const HEARTBEAT_SECONDS: u16 = 5;

/// Time to give messages back. Whatever is not given back by then is returned when the connection ends.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Header in which a quorum queue says how often it has handed a message out before.
const DELIVERY_COUNT_HEADER: &str = "x-delivery-count";

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

/// Deliveries of one subscription.
pub struct Deliveries {
    received: BoxStream<'static, Result<Delivery, Error>>,
    channel: Channel,
    consumers: Vec<ShortString>,
}

impl Deliveries {
    /// The next one; `None` or an error if the subscription has come to its end.
    pub async fn next(&mut self) -> Option<Result<Delivery, Error>> {
        self.received.next().await
    }

    /// Ends the subscription and gives back, for other workers to take at once, what was handed out but not taken.
    pub async fn hand_back(mut self) {
        let given_back = within(HAND_BACK_TIMEOUT, "giving messages back", async {
            for consumer in self.consumers {
                self.channel
                    .basic_cancel(consumer, BasicCancelOptions::default())
                    .await?;
            }
            let again = BasicNackOptions {
                requeue: true,
                ..BasicNackOptions::default()
            };
            while let Some(received) = self.received.next().await {
                // An error is the end of one of the queues; the others still have deliveries.
                if let Ok(delivery) = received {
                    delivery.acker.nack(again).await?;
                }
            }
            Ok(())
        });
        if let Err(error) = given_back.await {
            tracing::debug!(%error, "messages are given back by the end of the connection");
        }
    }
}

/// The two connections of a worker: one on which the broker may slow down publishers, and one that it never does.
#[derive(Debug)]
pub struct Link {
    publisher: Publisher,
    consuming: Connection,
    topology: Topology,
    // Closed when dropped.
    _publishing: Connection,
}

impl Link {
    /// Connects and declares the topology.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        within(CONNECT_TIMEOUT, "connecting", async {
            let topology = options.topology();
            let publishing = connect(options, "user-import publishing").await?;
            let channel = publishing.create_channel().await?;
            topology.declare(&channel).await?;
            let consuming = connect(options, "user-import consuming").await?;
            let publisher = Publisher::open(&publishing, topology.clone()).await?;
            Ok(Self {
                publisher,
                consuming,
                topology,
                _publishing: publishing,
            })
        })
        .await
    }

    /// Sends messages.
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// A channel of its own, for what is no part of the worker's loop.
    pub(super) async fn channel(&self) -> Result<Channel, Error> {
        Ok(self.consuming.create_channel().await?)
    }

    /// Names of exchanges and queues.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Jobs; at most `prefetch` are handed out before the first is acknowledged.
    pub async fn jobs(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume([self.topology.requested_queue()], prefetch).await
    }

    /// Imports to plan, taken from all shards in turn; at most `prefetch` from each.
    pub async fn plans(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume(self.topology.plan_queues(), prefetch).await
    }

    /// Batches of rows, taken from all shards in turn; at most `prefetch` from each.
    pub async fn batches(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume(self.topology.batch_queues(), prefetch).await
    }

    /// Reports that are due.
    pub async fn reports(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume([self.topology.reports_queue()], prefetch).await
    }

    /// Messages that may have killed workers, one at a time.
    pub async fn quarantine(&self) -> Result<Deliveries, Error> {
        self.consume([self.topology.quarantine()], 1).await
    }

    async fn consume(
        &self,
        queues: impl IntoIterator<Item = ShortString>,
        prefetch: u16,
    ) -> Result<Deliveries, Error> {
        within(CONNECT_TIMEOUT, "subscribing", async {
            let channel = self.consuming.create_channel().await?;
            // Per consumer, not per channel: quorum queues refuse the global kind.
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let (mut shards, mut consumers) = (Vec::new(), Vec::new());
            for queue in queues {
                let quarantined = queue == self.topology.quarantine();
                let (consumer, received) = deliveries(queue, quarantined, &channel).await?;
                consumers.push(consumer);
                shards.push(received.boxed());
            }
            Ok(Deliveries {
                received: LeastRecentlyServed::of(shards).boxed(),
                channel,
                consumers,
            })
        })
        .await
    }
}

/// Declares every exchange and queue.
pub async fn declare(options: &Options) -> Result<(), Error> {
    Link::connect(options).await.map(|_| ())
}

pub(super) async fn connect(options: &Options, name: &str) -> Result<Connection, Error> {
    let mut uri = uri(options)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig {
        identity: None,
        cert_chain: options
            .amqp_ca_file
            .as_ref()
            .map(|authorities| authorities.pem().to_owned()),
    };
    let runtime = lapin::runtime::default_runtime()?;
    Ok(Connection::connect_uri_with_config(uri, properties, tls, runtime).await?)
}

pub(super) fn uri(options: &Options) -> Result<AMQPUri, Error> {
    options.amqp_url.expose().parse().map_err(|_| Error::Url)
}

async fn deliveries(
    queue: ShortString,
    quarantined: bool,
    channel: &Channel,
) -> Result<(ShortString, impl Stream<Item = Result<Delivery, Error>> + use<>), Error> {
    let consumer = channel
        .basic_consume(
            queue,
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let tag = consumer.tag();
    let received = consumer.map(move |received| {
        let delivery = received?;
        Ok(Delivery {
            kind: kind_of(delivery.properties.kind().as_ref(), delivery.routing_key.as_str()),
            retry_count: count(&delivery.properties, RETRY_COUNT_HEADER),
            delivery_count: count(&delivery.properties, DELIVERY_COUNT_HEADER),
            redelivered: delivery.redelivered,
            quarantined,
            routing_key: delivery.routing_key,
            acker: delivery.acker,
            body: delivery.data,
        })
    });
    // A consumer ends when its queue is deleted or its channel closed. Unnoticed, its shard would be forgotten.
    Ok((tag, received.chain(stream::once(async { Err(Error::Gone) }))))
}

/// How often a message has failed before.
pub(super) fn retry_count(properties: &lapin::BasicProperties) -> u32 {
    count(properties, RETRY_COUNT_HEADER)
}

/// A counter among the headers: ours is a long-uint, the broker takes any integer type that has room.
pub(super) fn count(properties: &lapin::BasicProperties, name: &str) -> u32 {
    let header = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(name));
    match header {
        Some(AMQPValue::LongUInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortShortInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::ShortShortUInt(count)) => u32::from(*count),
        Some(AMQPValue::ShortUInt(count)) => u32::from(*count),
        _ => 0,
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    action: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(Error::Timeout {
            action,
            seconds: limit.as_secs(),
        }))
}
