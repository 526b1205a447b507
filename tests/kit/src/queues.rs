//! The broker as its owner sees it: what waits in which queue, and what happens when queues are purged or deleted.

use lapin::{
    Channel, Connection, ConnectionProperties, Queue,
    options::{
        BasicGetOptions, BasicRejectOptions, ConfirmSelectOptions, ExchangeDeleteOptions,
        QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{FieldTable, ShortString},
};
use worker::broker::Topology;

use crate::{Tap, World, eventually, variable};

/// The exchanges and queues of one prefix. A question about a missing queue is an error, and closes the channel.
#[derive(Debug)]
pub struct Queues {
    /// Their names.
    pub topology: Topology,
    /// A channel of the broker's owner, who may do everything, with confirms.
    pub channel: Channel,
    // Closed when dropped.
    _connection: Connection,
}

impl Queues {
    /// Connects as the broker's owner.
    pub async fn connect(topology: Topology) -> lapin::Result<Self> {
        let url = variable("AMQP_ADMIN_URL");
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self {
            topology,
            channel,
            _connection: connection,
        })
    }

    /// The queues of work, delay queues included: neither the Dialer's nor that of the broker's dead letters.
    pub fn of_work(&self) -> Vec<ShortString> {
        let kept = [self.topology.dialer_queue(), self.topology.dead()];
        let (_, mut queues) = self.topology.names();
        queues.retain(|queue| !kept.contains(queue));
        queues
    }

    /// How many messages and consumers a queue has.
    pub async fn look(&self, queue: ShortString) -> lapin::Result<Queue> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        self.channel
            .queue_declare(queue, passive, FieldTable::default())
            .await
    }

    /// The queues in which messages wait for a worker, and how many.
    pub async fn waiting(&self) -> lapin::Result<Vec<(ShortString, u32)>> {
        let mut waiting = Vec::new();
        for queue in self.of_work().into_iter().chain([self.topology.dead()]) {
            let messages = self.look(queue.clone()).await?.message_count();
            if messages > 0 {
                waiting.push((queue, messages));
            }
        }
        Ok(waiting)
    }

    /// Empties a queue.
    pub async fn purge(&self, queue: ShortString) -> lapin::Result<()> {
        self.channel
            .queue_purge(queue, QueuePurgeOptions::default())
            .await
            .map(drop)
    }

    /// Deletes a queue with what is in it.
    pub async fn delete(&self, queue: ShortString) -> lapin::Result<()> {
        self.channel
            .queue_delete(queue, QueueDeleteOptions::default())
            .await
            .map(drop)
    }

    /// Deletes all of them, exchanges too.
    pub async fn delete_all(&self) -> lapin::Result<()> {
        let (exchanges, queues) = self.topology.names();
        for queue in queues {
            self.delete(queue).await?;
        }
        for exchange in exchanges {
            self.channel
                .exchange_delete(exchange, ExchangeDeleteOptions::default())
                .await?;
        }
        Ok(())
    }
}

impl World {
    /// Names of the world's exchanges and queues.
    pub fn topology(&self) -> Topology {
        self.queues.topology.clone()
    }

    /// A copy of everything that is published to these exchanges from now on, whatever its routing key. The names are
    /// those without prefix.
    pub async fn tap(&self, exchanges: &[&str]) -> Tap {
        Tap::open(&self.queues.channel, &self.prefix(), exchanges).await
    }

    /// The same of every exchange; of the delay exchanges the first.
    pub async fn tap_all(&self) -> Tap {
        self.tap(&[
            "imports",
            "imports.work",
            "imports.events",
            "imports.dead",
            "imports.delay.1s",
        ])
        .await
    }

    /// The number of messages that wait in a queue.
    pub async fn waiting(&self, queue: &str) -> u32 {
        let queue = format!("{}{queue}", self.prefix());
        self.queues
            .look(queue.into())
            .await
            .expect("the queue is there")
            .message_count()
    }

    /// Waits until this many messages wait in a queue.
    pub async fn until_waiting(&self, queue: &str, count: u32) {
        eventually(queue, async || (self.waiting(queue).await == count).then_some(())).await;
    }

    /// Takes the only message of a queue and returns it, this many times or until it is gone.
    pub async fn take_and_return(&self, queue: &str, times: u32) {
        let queue = format!("{}{queue}", self.prefix());
        for _ in 0..times {
            let got = self
                .queues
                .channel
                .basic_get(queue.as_str().into(), BasicGetOptions::default());
            let Some(message) = got.await.expect("the queue is there") else {
                return;
            };
            let returned = message
                .delivery
                .acker
                .reject(BasicRejectOptions { requeue: true });
            returned.await.expect("the message is returned");
        }
    }

    /// Waits until no message waits for a worker.
    pub async fn until_no_work_waits(&self) {
        eventually("the end of all messages", async || {
            let waiting = self.queues.waiting().await.expect("the queues are there");
            waiting.is_empty().then_some(())
        })
        .await;
    }

    /// Empties all queues of work, delay queues included, once the broker knows that all workers are gone: what they hold
    /// is in no queue.
    pub async fn purge_all(&self) {
        for queue in self.queues.of_work() {
            self.left_alone(queue.clone()).await;
            self.queues.purge(queue).await.expect("a queue is purged");
        }
    }

    /// Deletes all queues of work with what is in them, as the loss of the broker's disk does.
    pub async fn delete_work_queues(&self) {
        for queue in self.queues.of_work() {
            self.left_alone(queue.clone()).await;
            self.queues.delete(queue).await.expect("a queue is deleted");
        }
    }

    pub(crate) async fn left_alone(&self, queue: ShortString) {
        eventually("the end of all subscriptions", async || {
            let queue = self.queues.look(queue.clone()).await.expect("the queue is there");
            (queue.consumer_count() == 0).then_some(())
        })
        .await;
    }
}
