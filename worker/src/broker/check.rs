//! What `doctor` asks the broker. It looks and declares nothing, and leaves no message behind.

use lapin::{
    Connection, ExchangeKind,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueDeclareOptions,
    },
    types::{FieldTable, ShortString},
};

use super::{
    connection::{CONNECT_TIMEOUT, connect, within},
    error::Error,
    old_way,
    options::Options,
    version::version,
};

/// A routing key that no queue is bound to, so that a message with it is returned at once.
const NOBODYS_KEY: &str = "doctor";

/// How exchanges and queues look from here.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// Exchanges and queues that are not there.
    pub missing: Vec<String>,
    /// What the user may not do, in the broker's words.
    pub refused: Vec<String>,
    /// The server's version, if it tells it.
    pub version: Option<String>,
    /// Messages in the queues of jobs, plans, batches, reports, and of what the broker set aside.
    pub waiting: u32,
    /// Consumers of the queue of jobs: workers that are connected.
    pub workers: u32,
    /// Whether work can still come by the exchange of jobs, see [`super::close_old_way`].
    pub old_way_is_open: bool,
}

/// Connects and looks at every exchange and queue.
pub async fn examine(options: &Options) -> Result<Examined, Error> {
    within(CONNECT_TIMEOUT, "looking at the broker", async {
        let connection = connect(options, "user-import doctor").await?;
        let topology = options.topology();
        let (exchanges, queues) = topology.names();
        let mut found = Examined {
            version: version(options).await,
            ..Examined::default()
        };
        for exchange in exchanges {
            // A refusal closes the channel, so each question has a channel of its own.
            let channel = connection.create_channel().await?;
            let passive = ExchangeDeclareOptions {
                passive: true,
                ..ExchangeDeclareOptions::default()
            };
            let asked = channel.exchange_declare(
                exchange.clone(),
                ExchangeKind::Direct,
                passive,
                FieldTable::default(),
            );
            if asked.await.is_err() {
                found.missing.push(format!("exchange {exchange}"));
            }
        }
        let work: Vec<ShortString> = topology.work_queues().collect();
        for queue in queues {
            let channel = connection.create_channel().await?;
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            let asked = channel.queue_declare(queue.clone(), passive, FieldTable::default());
            let Ok(state) = asked.await else {
                found.missing.push(format!("queue {queue}"));
                continue;
            };
            if queue == topology.requested_queue() {
                found.workers = state.consumer_count();
            }
            if work.contains(&queue) || queue == topology.dead() {
                found.waiting += state.message_count();
            }
        }
        found.old_way_is_open = old_way::is_open(&connection, &topology).await?;
        if found.missing.is_empty() {
            for exchange in [topology.work_exchange(), topology.events_exchange()] {
                found.refused.extend(publish(&connection, exchange).await?);
            }
            // A message that waits there goes back to its place when the channel is closed.
            let channel = connection.create_channel().await?;
            let get = channel.basic_get(topology.delay_exchange(u32::MAX), BasicGetOptions::default());
            found
                .refused
                .extend(get.await.err().map(|error| error.to_string()));
        }
        // Not closed but dropped: closing it could meet channels that are still closing, and call that an error.
        Ok(found)
    })
    .await
}

/// Sends a message that the broker returns; what it says if it refuses.
async fn publish(connection: &Connection, exchange: ShortString) -> Result<Option<String>, Error> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = channel.basic_publish(exchange, NOBODYS_KEY.into(), options, b"", Default::default());
    let answered = async { sent.await?.await }.await;
    Ok(answered.err().map(|error| error.to_string()))
}
