//! Declares every exchange and queue.

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::topology::{PLANS, REPORTS, REQUESTED, ROWS, Topology, key};
use crate::policy::{DELAYS, DELIVERY_LIMIT};

impl Topology {
    /// Declares everything; what is there already stays as it is.
    pub async fn declare(&self, channel: &Channel) -> lapin::Result<()> {
        declare_exchange(channel, self.jobs_exchange(), ExchangeKind::Direct).await?;
        declare_exchange(channel, self.work_exchange(), ExchangeKind::Direct).await?;
        declare_exchange(channel, self.events_exchange(), ExchangeKind::Topic).await?;
        declare_exchange(channel, self.quarantine(), ExchangeKind::Fanout).await?;
        declare_exchange(channel, self.dead(), ExchangeKind::Fanout).await?;

        declare_queue(channel, self.dead(), &[], self.dead(), "").await?;
        declare_queue(
            channel,
            self.dialer_queue(),
            &[],
            self.events_exchange(),
            "import.#",
        )
        .await?;

        for delay in DELAYS {
            let waiting = self.delay_queue(delay.name);
            declare_exchange(channel, waiting.clone(), ExchangeKind::Fanout).await?;
            // One delay per queue: with a time-out per message, a long one at the head blocks the short ones behind.
            let delay_ms = u32::try_from(delay.time.as_millis()).unwrap_or(u32::MAX);
            let mut arguments = dead_letters_to(self.work_exchange()).to_vec();
            arguments.push(("x-message-ttl", AMQPValue::LongUInt(delay_ms)));
            declare_queue(channel, waiting.clone(), &arguments, waiting, "").await?;
        }

        let limited = |exchange| {
            let mut arguments = dead_letters_to(exchange).to_vec();
            arguments.push(("x-delivery-limit", AMQPValue::LongUInt(DELIVERY_LIMIT)));
            arguments
        };
        // Workers set such messages aside themselves, long before this limit; it is for the day when no worker can.
        declare_queue(
            channel,
            self.quarantine(),
            &limited(self.dead()),
            self.quarantine(),
            "",
        )
        .await?;
        let work = limited(self.quarantine());
        declare_queue(
            channel,
            self.requested_queue(),
            &work,
            self.jobs_exchange(),
            REQUESTED,
        )
        .await?;
        bind(channel, self.requested_queue(), self.work_exchange(), REQUESTED).await?;
        declare_queue(
            channel,
            self.reports_queue(),
            &work,
            self.work_exchange(),
            REPORTS,
        )
        .await?;
        for (kind, queues) in [
            (PLANS, self.plan_queues().collect::<Vec<_>>()),
            (ROWS, self.batch_queues().collect()),
        ] {
            for (shard, queue) in (0..).zip(queues) {
                declare_queue(
                    channel,
                    queue,
                    &work,
                    self.work_exchange(),
                    key(kind, shard).as_str(),
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// At-least-once, so that a message cannot be lost between two queues; it demands `reject-publish`.
fn dead_letters_to(exchange: ShortString) -> [(&'static str, AMQPValue); 3] {
    [
        (
            "x-dead-letter-exchange",
            AMQPValue::LongString(exchange.as_str().into()),
        ),
        (
            "x-dead-letter-strategy",
            AMQPValue::LongString("at-least-once".into()),
        ),
        ("x-overflow", AMQPValue::LongString("reject-publish".into())),
    ]
}

async fn declare_exchange(channel: &Channel, name: ShortString, kind: ExchangeKind) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(name, kind, durable, FieldTable::default())
        .await
}

/// Declares a quorum queue, the only replicated and poison-safe kind, and binds it.
async fn declare_queue(
    channel: &Channel,
    name: ShortString,
    arguments: &[(&'static str, AMQPValue)],
    exchange: ShortString,
    routing_key: &str,
) -> lapin::Result<()> {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    for (argument, value) in arguments {
        table.insert((*argument).into(), value.clone());
    }
    channel
        .queue_declare(name.clone(), QueueDeclareOptions::durable(), table)
        .await?;
    bind(channel, name, exchange, routing_key).await
}

async fn bind(
    channel: &Channel,
    queue: ShortString,
    exchange: ShortString,
    routing_key: &str,
) -> lapin::Result<()> {
    channel
        .queue_bind(
            queue,
            exchange,
            routing_key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}
