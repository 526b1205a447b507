//! Receiving: a connection to the broker goes in, streams of deliveries come out.
//!
//! A link is never repaired. Whoever meets an error on it drops it and connects anew; the broker then hands out again
//! what was not acknowledged.

use std::time::Duration;

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream, SelectAll},
};
use lapin::{
    Acker, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions},
    types::{FieldTable, ShortString},
    uri::AMQPUri,
};

use super::{Error, Options, Publisher, Topology, outgoing::TRIES_HEADER};

/// Time for TCP, TLS and AMQP handshakes and for all declarations; lapin's own time-out does not cover them.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that has been silent for twice this long is dead. In seconds; the broker's own default is 60.
const HEARTBEAT_SECONDS: u16 = 10;

/// What is to be done with a message, known from the queue that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A job is to be planned.
    Plan,
    /// The users of a batch are to be created.
    Rows,
    /// The reports of an import are to be written.
    Report,
}

impl Step {
    /// The name in logs and message types.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "job",
            Self::Rows => "rows-due",
            Self::Report => "report-due",
        }
    }
}

/// A message in our custody: the broker keeps it until it is acknowledged.
#[derive(Debug)]
pub struct Delivery {
    /// What is to be done with it.
    pub step: Step,
    /// The message.
    pub body: Vec<u8>,
    /// How often it has failed before.
    pub tries: u32,
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

/// Deliveries of one kind of step.
pub type Deliveries = BoxStream<'static, Result<Delivery, Error>>;

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
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let consuming = connect(options, "user-import consuming").await?;
            let publisher = Publisher::new(channel, topology.clone());
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

    /// Jobs; at most `prefetch` are handed out before the first is acknowledged.
    pub async fn jobs(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume(Step::Plan, [self.topology.requested_queue()], prefetch)
            .await
    }

    /// Batches of rows, taken from all shards in turn; at most `prefetch` from each.
    pub async fn rows(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume(Step::Rows, self.topology.rows_queues(), prefetch)
            .await
    }

    /// Reports that are due.
    pub async fn reports(&self, prefetch: u16) -> Result<Deliveries, Error> {
        self.consume(Step::Report, [self.topology.reports_queue()], prefetch)
            .await
    }

    async fn consume(
        &self,
        step: Step,
        queues: impl IntoIterator<Item = ShortString>,
        prefetch: u16,
    ) -> Result<Deliveries, Error> {
        within(CONNECT_TIMEOUT, "subscribing", async {
            let channel = self.consuming.create_channel().await?;
            // Per consumer, not per channel: quorum queues refuse the global kind.
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let mut shards = SelectAll::new();
            for queue in queues {
                shards.push(deliveries(step, queue, &channel).await?.boxed());
            }
            Ok(shards.boxed())
        })
        .await
    }
}

/// Declares every exchange and queue.
pub async fn declare(options: &Options) -> Result<(), Error> {
    Link::connect(options).await.map(|_| ())
}

async fn connect(options: &Options, name: &str) -> Result<Connection, Error> {
    let mut uri: AMQPUri = options.amqp_url.expose().parse().map_err(Error::Url)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    Ok(Connection::connect_uri(uri, properties).await?)
}

async fn deliveries(
    step: Step,
    queue: ShortString,
    channel: &Channel,
) -> Result<impl Stream<Item = Result<Delivery, Error>> + use<>, Error> {
    let consumer = channel
        .basic_consume(
            queue,
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let received = consumer.map(move |received| {
        let delivery = received?;
        Ok(Delivery {
            step,
            tries: tries(&delivery.properties),
            routing_key: delivery.routing_key,
            acker: delivery.acker,
            body: delivery.data,
        })
    });
    // A consumer ends when its queue is deleted or its channel closed. Unnoticed, its shard would be forgotten.
    Ok(received.chain(stream::once(async { Err(Error::Gone) })))
}

fn tries(properties: &lapin::BasicProperties) -> u32 {
    let header = properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(TRIES_HEADER));
    header
        .and_then(lapin::types::AMQPValue::as_long_uint)
        .unwrap_or(0)
}

async fn within<T>(
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
