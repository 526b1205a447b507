//! What `doctor` asks the broker. It only looks: it declares nothing new, and leaves no message behind.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use lapin::{
    Connection, Event,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueDeclareOptions,
    },
    types::{FieldTable, ShortString},
};

use super::{
    connection::{CONNECT_TIMEOUT, connect, within},
    declare::{declare_exchange, declare_queue},
    error::Error,
    old_way,
    options::Options,
    topology::{MAX_SHARDS, Topology},
    version::version,
};

/// How many shards in a row may have no queues before those that follow are taken to have none either.
const LARGEST_GAP: u16 = 8;

/// A routing key that no queue is bound to, so that a message with it is returned at once.
const NOBODYS_KEY: &str = "doctor";

/// A broker that accepts messages returns one without a queue within milliseconds; one that accepts none does not
/// answer.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How exchanges and queues look from here.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// Exchanges and queues that are not there.
    pub missing: Vec<String>,
    /// What the user may not do, and what is declared differently from how this program would, in the broker's words.
    pub refused: Vec<String>,
    /// The server's version, if it says.
    pub version: Option<String>,
    /// Messages in the queues of jobs, plans, batches, reports, and of what the broker set aside.
    pub waiting: u32,
    /// The largest number of consumers of a work queue: workers that are connected.
    pub workers: u32,
    /// Work queues without a consumer.
    pub unread: Vec<String>,
    /// The queue that the Dialer reads.
    pub events: Depth,
    /// How many shards have queues.
    pub declared_shards: u16,
    /// The queues of shards that are beyond ours.
    pub surplus: Depth,
    /// Why the broker takes no messages, in its own words.
    pub blocked: Option<String>,
    /// Whether work can still come through the exchange of jobs, see [`super::close_old_way`].
    pub old_way_is_open: bool,
}

/// What a passive declaration says about a queue, or of several together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait for a consumer; those that one holds are not counted.
    pub messages: u32,
    /// Consumers.
    pub consumers: u32,
}

/// Connects and looks at every exchange and queue.
pub async fn examine(options: &Options) -> Result<Examined, Error> {
    within(CONNECT_TIMEOUT, "looking at the broker", async {
        let connection = connect(options, "user-import doctor").await?;
        let topology = options.topology();
        let mut found = Examined {
            version: version(options).await,
            ..Examined::default()
        };
        look_at_exchanges(&connection, &topology, &mut found).await?;
        look_at_queues(&connection, &topology, &mut found).await?;
        look_for_shards(&connection, &topology, &mut found).await?;
        found.old_way_is_open = old_way::is_open(&connection, &topology).await?;
        if found.missing.is_empty() {
            // A message that waits there goes back to its place when the channel is closed.
            let channel = connection.create_channel().await?;
            let queue = topology.delay_exchange(u32::MAX);
            let action = format!("read queue {queue}");
            let get = channel.basic_get(queue, BasicGetOptions::default());
            found.refused.extend(refusal(&action, get.await));
            try_to_publish(options, &topology, &mut found).await?;
        }
        // Not closed but dropped: closing it could meet channels that are still closing, and call that an error.
        Ok(found)
    })
    .await
}

/// Looks for each exchange, and then declares it as it is: that changes nothing, and shows whether it would be allowed.
async fn look_at_exchanges(
    connection: &Connection,
    topology: &Topology,
    found: &mut Examined,
) -> Result<(), Error> {
    for (exchange, kind) in topology.exchanges() {
        // A refusal closes the channel, so each question has a channel of its own.
        let channel = connection.create_channel().await?;
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        let asked = channel.exchange_declare(exchange.clone(), kind.clone(), passive, FieldTable::default());
        if asked.await.is_err() {
            found.missing.push(format!("exchange {exchange}"));
            continue;
        }
        let action = format!("declare exchange {exchange}");
        let declared = declare_exchange(&channel, exchange, kind).await;
        found.refused.extend(refusal(&action, declared));
    }
    Ok(())
}

/// The same for each queue, and what is in it.
async fn look_at_queues(
    connection: &Connection,
    topology: &Topology,
    found: &mut Examined,
) -> Result<(), Error> {
    let work: Vec<ShortString> = topology.work_queues().collect();
    for queue in topology.queues() {
        let name = queue.name;
        let Some(depth) = depth(connection, &name).await? else {
            found.missing.push(format!("queue {name}"));
            continue;
        };
        if name == topology.dialer_queue() {
            found.events = depth;
        }
        if work.contains(&name) || name == topology.dead() {
            found.waiting += depth.messages;
        }
        if work.contains(&name) {
            // Every worker reads them all. A queue without a leader reports neither messages nor consumers.
            found.workers = found.workers.max(depth.consumers);
            if depth.consumers == 0 {
                found.unread.push(name.to_string());
            }
        }
        let channel = connection.create_channel().await?;
        let action = format!("declare queue {name}");
        let declared = declare_queue(&channel, name, queue.arguments).await;
        found.refused.extend(refusal(&action, declared));
    }
    Ok(())
}

/// Looks for queues of more shards than ours. Where somebody has begun to delete some, messages may wait behind the gap.
async fn look_for_shards(
    connection: &Connection,
    topology: &Topology,
    found: &mut Examined,
) -> Result<(), Error> {
    found.declared_shards = topology.shards();
    for shard in topology.shards()..MAX_SHARDS {
        let mut is_declared = false;
        for queue in topology.queues_of_shard(shard) {
            if let Some(depth) = depth(connection, &queue).await? {
                is_declared = true;
                found.surplus.messages += depth.messages;
                found.surplus.consumers += depth.consumers;
            }
        }
        if is_declared {
            found.declared_shards = shard + 1;
        } else if shard - found.declared_shards >= LARGEST_GAP {
            break;
        }
    }
    Ok(())
}

/// What a queue holds; `None` if it is not there.
async fn depth(connection: &Connection, queue: &ShortString) -> Result<Option<Depth>, Error> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let asked = channel.queue_declare(queue.clone(), passive, FieldTable::default());
    Ok(asked.await.ok().map(|state| Depth {
        messages: state.message_count(),
        consumers: state.consumer_count(),
    }))
}

/// Sends messages that the broker returns. On a connection of its own: once a broker that accepts no messages has
/// received one, it reads nothing more from that connection.
async fn try_to_publish(options: &Options, topology: &Topology, found: &mut Examined) -> Result<(), Error> {
    let connection = connect(options, "user-import doctor publishing").await?;
    let mut events = std::pin::pin!(connection.events_listener());
    // The first message on a connection is still accepted.
    for exchange in [
        topology.work_exchange(),
        topology.events_exchange(),
        topology.events_exchange(),
    ] {
        match tokio::time::timeout(PUBLISH_TIMEOUT, publish(&connection, exchange)).await {
            Ok(refused) => found.refused.extend(refused?),
            Err(_) => {
                found.blocked = Some("it does not answer when a message is published".to_owned());
                break;
            }
        }
    }
    while let Some(Some(event)) = events.next().now_or_never() {
        if let Event::ConnectionBlocked(reason) = event {
            found.blocked = Some(reason);
        }
    }
    found.refused.dedup();
    Ok(())
}

/// Sends one message; returns what the broker says if it refuses.
async fn publish(connection: &Connection, exchange: ShortString) -> Result<Option<String>, Error> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let action = format!("publish to exchange {exchange}");
    let sent = channel.basic_publish(exchange, NOBODYS_KEY.into(), options, b"", Default::default());
    let answered = async { sent.await?.await }.await;
    Ok(refusal(&action, answered))
}

/// What was refused, and the broker's words for it, without the codes of the protocol around them.
fn refusal<T>(action: &str, answered: lapin::Result<T>) -> Option<String> {
    let error = answered.err()?;
    Some(match error.kind() {
        lapin::ErrorKind::ProtocolError(refusal) => format!("{action}: {}", refusal.get_message()),
        _ => format!("{action}: {error}"),
    })
}
