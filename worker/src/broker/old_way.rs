//! The way that work took before it had an exchange of its own: through the exchange of jobs, to which the Dialer may
//! write, and through delay queues that lead back there. Workers of both kinds take from the same queues, so both ways
//! are open until the last old worker is gone. Then [`close`] closes the old one.

use std::time::Duration;

use lapin::{
    Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{FieldTable, ShortString},
};

use super::{
    connection::{CONNECT_TIMEOUT, connect, within},
    error::Error,
    options::Options,
    topology::{MAX_SHARDS, Topology},
};

/// How often to check whether the old delay queues are empty.
const POLL: Duration = Duration::from_secs(1);

/// A message whose delay is over is not counted anywhere while the broker moves it back, which takes milliseconds.
const ON_ITS_WAY_BACK: Duration = Duration::from_secs(5);

/// Whether work can still go the old way. Its exchanges are deleted last of all, so as long as there is one, it can.
pub(super) async fn is_open(connection: &Connection, topology: &Topology) -> Result<bool, Error> {
    for exchange in topology.old_delays() {
        let channel = connection.create_channel().await?;
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        let asked = channel.exchange_declare(exchange, ExchangeKind::Fanout, passive, FieldTable::default());
        if asked.await.is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Closes the old way, and says whether it was open. Waits for messages in the old delay queues, ten minutes at most:
/// they return that way. An old worker that still runs gets an error for what it publishes then, and keeps it; when it
/// connects again, it opens the old way again.
pub async fn close(options: &Options) -> Result<bool, Error> {
    let topology = options.topology();
    let connection = within(CONNECT_TIMEOUT, "connecting", async {
        connect(options, "user-import topology").await
    })
    .await?;
    let is_open = within(CONNECT_TIMEOUT, "looking for the old exchanges", async {
        is_open(&connection, &topology).await
    });
    if !is_open.await? {
        return Ok(false);
    }
    let channel = connection.create_channel().await?;
    for delay in topology.old_delays() {
        channel
            .queue_unbind(
                delay.clone(),
                delay,
                ShortString::default(),
                FieldTable::default(),
            )
            .await?;
    }
    let mut said = None;
    loop {
        let waiting = waiting(&connection, &topology).await?;
        if waiting == 0 {
            break;
        }
        if said != Some(waiting) {
            tracing::info!(waiting, "waiting for messages in the old delay queues");
            said = Some(waiting);
        }
        tokio::time::sleep(POLL).await;
    }
    tokio::time::sleep(ON_ITS_WAY_BACK).await;
    for delay in topology.old_delays() {
        channel.queue_delete(delay, QueueDeleteOptions::default()).await?;
    }
    for (queue, key) in topology.internal_queues(MAX_SHARDS) {
        channel
            .queue_unbind(queue, topology.jobs_exchange(), key, FieldTable::default())
            .await?;
    }
    for delay in topology.old_delays() {
        channel
            .exchange_delete(delay, ExchangeDeleteOptions::default())
            .await?;
    }
    Ok(true)
}

/// Messages in the old delay queues.
async fn waiting(connection: &Connection, topology: &Topology) -> Result<u64, Error> {
    let mut waiting = 0;
    for queue in topology.old_delays() {
        // A queue that is gone closes the channel, so each question has a channel of its own.
        let channel = connection.create_channel().await?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        if let Ok(state) = channel.queue_declare(queue, passive, FieldTable::default()).await {
            waiting += u64::from(state.message_count());
        }
        // An error of the connection itself must not pass for an empty queue.
        if !connection.status().connected() {
            return Err(Error::Gone);
        }
    }
    Ok(waiting)
}
