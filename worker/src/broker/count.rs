//! How many messages wait, by kind of queue. It looks and changes nothing.

use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    connection::{CONNECT_TIMEOUT, within},
    error::Error,
    link::Link,
};
use crate::policy::DELAYS;

/// Messages that wait for a consumer, by kind of queue. Those that a consumer holds are not among them: AMQP does not
/// report them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// Jobs and cancel messages.
    pub jobs: u64,
    /// Imports to plan, of all shards.
    pub plans: u64,
    /// Batches of rows, of all shards.
    pub rows: u64,
    /// Reports to write.
    pub reports: u64,
    /// What is tried again after a delay.
    pub delays: u64,
    /// Events that the Dialer has not taken.
    pub events: u64,
    /// Messages that may have killed workers.
    pub quarantine: u64,
    /// What the broker set aside and no worker has moved into the database yet.
    pub dead: u64,
}

impl Link {
    /// Counts the messages that wait.
    pub async fn waiting(&self) -> Result<Waiting, Error> {
        within(CONNECT_TIMEOUT, "counting messages", async {
            let channel = self.consuming().create_channel().await?;
            let topology = self.topology();
            let delays: Vec<ShortString> = DELAYS
                .iter()
                .map(|delay| topology.delay_queue(delay.name))
                .collect();
            let counted = Waiting {
                jobs: total(&channel, [topology.requested_queue(), topology.cancel_queue()]).await?,
                plans: total(&channel, topology.plan_queues()).await?,
                rows: total(&channel, topology.batch_queues()).await?,
                reports: total(&channel, [topology.reports_queue()]).await?,
                delays: total(&channel, delays).await?,
                events: total(&channel, [topology.dialer_queue()]).await?,
                quarantine: total(&channel, [topology.quarantine()]).await?,
                dead: total(&channel, [topology.dead()]).await?,
            };
            // A refusal has closed it already, and is the error that is returned.
            channel.close(200, "counted".into()).await?;
            Ok(counted)
        })
        .await
    }
}

async fn total(channel: &Channel, queues: impl IntoIterator<Item = ShortString>) -> Result<u64, Error> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let mut total = 0;
    for queue in queues {
        let found = channel
            .queue_declare(queue, passive, FieldTable::default())
            .await?;
        total += u64::from(found.message_count());
    }
    Ok(total)
}
