//! Receiving: a connection to the broker goes in, streams of deliveries come out.
//!
//! A link is never repaired. After an error it is dropped and a new one made; the broker then delivers again what
//! was not acknowledged.

use std::{sync::Arc, time::Duration};

use futures::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use lapin::{
    Channel, Connection,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};

use super::{
    connection::{CONNECT_TIMEOUT, connect, within},
    delivery::Delivery,
    error::Error,
    options::Options,
    publisher::Publisher,
    silent::{SUBSCRIBE_TIMEOUT, SilentQueues, close},
    topology::Topology,
};
use crate::{fair::LeastRecentlyServed, tls::warn_of_plain_text};

/// Time to return messages. What is not returned by then comes back when the connection ends.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Deliveries of one subscription.
pub struct Deliveries {
    received: BoxStream<'static, Result<Delivery, Error>>,
    channel: Channel,
    consumers: Vec<ShortString>,
}

impl Deliveries {
    /// The next one; `None` or an error if the subscription has ended.
    pub async fn next(&mut self) -> Option<Result<Delivery, Error>> {
        self.received.next().await
    }

    /// Ends the subscription and returns what was delivered but not taken, so that other workers get it at once.
    pub async fn hand_back(mut self) {
        let given_back = within(HAND_BACK_TIMEOUT, "returning messages", async {
            for consumer in self.consumers {
                self.channel
                    .basic_cancel(consumer, BasicCancelOptions::default())
                    .await?;
            }
            while let Some(received) = self.received.next().await {
                // An error is the end of one of the queues; the others still have deliveries.
                if let Ok(delivery) = received {
                    delivery.hand_back().await?;
                }
            }
            Ok(())
        });
        if let Err(error) = given_back.await {
            tracing::debug!(%error, "could not hand back messages, they return when the connection ends");
        }
    }
}

/// The two connections of a worker: one on which the broker may slow down publishers, and one that it never does.
#[derive(Debug)]
pub struct Link {
    publisher: Publisher,
    consuming: Connection,
    topology: Topology,
    silent: Arc<SilentQueues>,
}

impl Link {
    /// Connects and declares the topology.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        Self::connect_except(options, Arc::default()).await
    }

    /// The same, to subscribe to all queues except those that do not answer.
    pub async fn connect_except(options: &Options, silent: Arc<SilentQueues>) -> Result<Self, Error> {
        if let Some(host) = options.plain_text_host() {
            warn_of_plain_text("broker", &host, "use amqps:// in AMQP_URL");
        }
        within(CONNECT_TIMEOUT, "connecting", async {
            let topology = options.topology();
            let publishing = connect(options, "user-import publishing").await?;
            let channel = publishing.create_channel().await?;
            topology.declare(&channel).await?;
            let consuming = connect(options, "user-import consuming").await?;
            let publisher = Publisher::open(publishing, topology.clone()).await?;
            Ok(Self {
                publisher,
                consuming,
                topology,
                silent,
            })
        })
        .await
    }

    /// Sends messages.
    pub const fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The connection that the broker never slows down.
    pub(super) const fn consuming(&self) -> &Connection {
        &self.consuming
    }

    /// Names of exchanges and queues.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Jobs and cancel messages, taken in turn; at most `prefetch` of each are delivered before the first is acknowledged.
    pub async fn jobs(&self, prefetch: u16) -> Result<Deliveries, Error> {
        let queues = [self.topology.requested_queue(), self.topology.cancel_queue()];
        self.consume(queues, prefetch).await
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

    /// Messages in the broker's queue of dead letters, one at a time.
    pub async fn dead_letters(&self) -> Result<Deliveries, Error> {
        self.consume([self.topology.dead()], 1).await
    }

    async fn consume(
        &self,
        queues: impl IntoIterator<Item = ShortString>,
        prefetch: u16,
    ) -> Result<Deliveries, Error> {
        let subscribed = within(CONNECT_TIMEOUT, "subscribing", async {
            let channel = self.consuming.create_channel().await?;
            // Per consumer, not per channel: quorum queues refuse the global kind.
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let (mut shards, mut consumers) = (Vec::new(), Vec::new());
            for queue in queues {
                if self.silent.contains(&queue) {
                    continue;
                }
                let subscribed = deliveries(queue.clone(), &self.topology, &channel);
                let Ok(subscribed) = tokio::time::timeout(SUBSCRIBE_TIMEOUT, subscribed).await else {
                    self.silent.did_not_answer(&queue);
                    return Err(Error::Silent {
                        queue: queue.to_string(),
                    });
                };
                let (consumer, received) = subscribed?;
                consumers.push(consumer);
                shards.push(received.boxed());
            }
            if shards.is_empty() {
                // None of them answers. That does not end the deliveries: other subscriptions go on.
                shards.push(stream::pending().boxed());
            }
            Ok(Deliveries {
                received: LeastRecentlyServed::of(shards).boxed(),
                channel,
                consumers,
            })
        })
        .await;
        if subscribed.is_err() {
            close(&self.consuming).await;
        }
        subscribed
    }
}

/// Declares every exchange and queue.
pub async fn declare(options: &Options) -> Result<(), Error> {
    Link::connect(options).await.map(|_| ())
}

async fn deliveries(
    queue: ShortString,
    topology: &Topology,
    channel: &Channel,
) -> Result<(ShortString, impl Stream<Item = Result<Delivery, Error>> + use<>), Error> {
    let consumer = channel
        .basic_consume(
            queue.clone(),
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let tag = consumer.tag();
    let topology = topology.clone();
    let received = consumer.map(move |received| Ok(Delivery::of(received?, queue.as_str(), &topology)));
    // A consumer ends when its queue is deleted or its channel closed. If that went unnoticed, its shard would be
    // forgotten.
    Ok((tag, received.chain(stream::once(async { Err(Error::Gone) }))))
}
