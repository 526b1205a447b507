//! Declares every exchange and queue.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::topology::{CANCEL, REQUESTED, Topology};
use crate::policy::{DELAYS, DELIVERY_LIMIT};

impl Topology {
    /// Declares everything; what already exists stays as it is.
    pub async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        for (name, kind) in self.exchanges() {
            declare_exchange(channel, name, kind).await?;
        }
        for queue in self.queues() {
            declare_queue(channel, queue.name.clone(), queue.arguments).await?;
            for (exchange, routing_key) in queue.bindings {
                bind(channel, queue.name.clone(), exchange, routing_key).await?;
            }
        }
        Ok(())
    }

    /// Names of all exchanges and of all queues, to check them or to delete them.
    pub fn names(&self) -> (Vec<ShortString>, Vec<ShortString>) {
        (
            self.exchanges().into_iter().map(|(name, _)| name).collect(),
            self.queues().into_iter().map(|queue| queue.name).collect(),
        )
    }

    /// All exchanges.
    pub(super) fn exchanges(&self) -> Vec<(ShortString, ExchangeKind)> {
        let delays = DELAYS
            .iter()
            .map(|delay| (self.delay_queue(delay.name), ExchangeKind::Fanout));
        [
            (self.jobs_exchange(), ExchangeKind::Direct),
            (self.work_exchange(), ExchangeKind::Direct),
            (self.events_exchange(), ExchangeKind::Topic),
            (self.quarantine(), ExchangeKind::Fanout),
            (self.dead(), ExchangeKind::Fanout),
        ]
        .into_iter()
        .chain(delays)
        .collect()
    }

    /// All queues, as they are declared.
    pub(super) fn queues(&self) -> Vec<Queue> {
        let of_exchange = |name: ShortString, arguments| {
            Queue::new(name.clone(), arguments, [(name, ShortString::default())])
        };
        let to_work = |key: ShortString| (self.work_exchange(), key);
        let work = || limited(dead_letters_to(self.quarantine()));
        let events = [(self.events_exchange(), "import.#".into())];
        let requested = [
            (self.jobs_exchange(), REQUESTED.into()),
            to_work(REQUESTED.into()),
        ];
        let cancel = [(self.jobs_exchange(), CANCEL.into()), to_work(CANCEL.into())];
        let delays = DELAYS.iter().map(|delay| {
            // One delay per queue: with a time-out per message, a long one at the head blocks the short ones behind.
            let delay_ms = u32::try_from(delay.time.as_millis()).unwrap_or(u32::MAX);
            let mut arguments = dead_letters_to(self.work_exchange());
            arguments.push(("x-message-ttl", AMQPValue::LongUInt(delay_ms)));
            of_exchange(self.delay_queue(delay.name), arguments)
        });
        let shards = self
            .internal_queues(self.shards)
            .map(|(name, key)| Queue::new(name, work(), [to_work(key)]));
        [
            of_exchange(self.dead(), Vec::new()),
            Queue::new(self.dialer_queue(), Vec::new(), events),
            // Workers set such messages aside themselves, long before this limit, which is for when no worker can.
            of_exchange(self.quarantine(), limited(dead_letters_to(self.dead()))),
            Queue::new(self.requested_queue(), work(), requested),
            Queue::new(self.cancel_queue(), work(), cancel),
        ]
        .into_iter()
        .chain(delays)
        .chain(shards)
        .collect()
    }
}

/// A queue as it is declared.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) name: ShortString,
    pub(super) arguments: FieldTable,
    /// The exchanges that lead to it, each with the routing key.
    bindings: Vec<(ShortString, ShortString)>,
}

impl Queue {
    /// A quorum queue: the only kind that is replicated and counts deliveries.
    fn new(
        name: ShortString,
        arguments: Vec<(&'static str, AMQPValue)>,
        bindings: impl IntoIterator<Item = (ShortString, ShortString)>,
    ) -> Self {
        let mut table = FieldTable::default();
        table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        for (argument, value) in arguments {
            table.insert(argument.into(), value);
        }
        Self {
            name,
            arguments: table,
            bindings: bindings.into_iter().collect(),
        }
    }
}

/// At-least-once, so that a message cannot be lost between two queues; it requires `reject-publish`.
fn dead_letters_to(exchange: ShortString) -> Vec<(&'static str, AMQPValue)> {
    let exchange = AMQPValue::LongString(exchange.as_str().into());
    vec![
        ("x-dead-letter-exchange", exchange),
        (
            "x-dead-letter-strategy",
            AMQPValue::LongString("at-least-once".into()),
        ),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ]
}

fn limited(mut arguments: Vec<(&'static str, AMQPValue)>) -> Vec<(&'static str, AMQPValue)> {
    arguments.push(("x-delivery-limit", AMQPValue::LongUInt(DELIVERY_LIMIT)));
    arguments
}

/// Declares an exchange; one that is there stays as it is.
pub(super) async fn declare_exchange(
    channel: &Channel,
    name: ShortString,
    kind: ExchangeKind,
) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name, kind, durable, FieldTable::default())
        .await
}

/// Declares a queue; one that is there stays as it is.
pub(super) async fn declare_queue(
    channel: &Channel,
    name: ShortString,
    arguments: FieldTable,
) -> lapin::Result<()> {
    let durable = QueueDeclareOptions::durable();
    channel.queue_declare(name, durable, arguments).await.map(|_| ())
}

async fn bind(
    channel: &Channel,
    queue: ShortString,
    exchange: ShortString,
    routing_key: ShortString,
) -> lapin::Result<()> {
    channel
        .queue_bind(
            queue,
            exchange,
            routing_key,
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}
