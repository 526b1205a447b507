//! Queues that do not answer, such as a quorum queue without a leader: a worker goes on without them, and asks again
//! later.
//!
//! Whoever subscribes to such a queue waits for ever, and RabbitMQ then ends the whole connection: without this, one queue
//! that the broker cannot serve would keep all tenants waiting.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::join_all;
use lapin::{
    Connection, ErrorKind,
    options::{BasicConsumeOptions, BasicQosOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{FieldTable, ShortString},
};

use super::{
    connection::{CONNECT_TIMEOUT, connect, within},
    error::Error,
    options::Options,
};

/// Time for a queue to accept a subscription: one that has to elect a leader first takes seconds.
pub(super) const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a worker goes on without a queue: after the first time in a row that it did not answer, and at most.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(2 * 60);

/// Time to send that a connection is closed. Whether the broker confirms it does not matter.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Source: AMQP 0-9-1, section 1.2, reply-success.
const CLOSE_SUCCESS: u16 = 200;

/// The queues that did not answer, across all connections of a worker.
#[derive(Debug, Default)]
pub struct SilentQueues(Mutex<HashMap<ShortString, Silence>>);

#[derive(Debug)]
struct Silence {
    ask_at: Instant,
    wait: Duration,
}

impl SilentQueues {
    /// Records that the queue did not answer.
    pub(super) fn did_not_answer(&self, queue: &ShortString) {
        let mut silent = self.lock();
        let wait = silent
            .get(queue)
            .map_or(FIRST_WAIT, |before| (before.wait * 2).min(LONGEST_WAIT));
        let ask_at = Instant::now() + wait;
        silent.insert(queue.clone(), Silence { ask_at, wait });
        tracing::error!(
            queue = queue.as_str(),
            "a queue does not answer, going on without it: does it have a leader?"
        );
    }

    /// Whether the queue did not answer when it was asked last.
    pub(super) fn contains(&self, queue: &ShortString) -> bool {
        self.lock().contains_key(queue)
    }

    /// Asks the queues that are not known to be silent, after one was found to be: others may be too.
    pub async fn ask_others(&self, options: &Options) {
        let topology = options.topology();
        let queues = topology.work_queues().filter(|queue| !self.contains(queue));
        if let Err(error) = self.ask(options, queues.collect()).await {
            tracing::debug!(%error, "the other queues could not be asked");
        }
    }

    /// Ready when a queue is to be asked again; never if there is none.
    pub async fn due(&self) {
        let first = self.lock().values().map(|silence| silence.ask_at).min();
        match first {
            Some(ask_at) => tokio::time::sleep_until(ask_at.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Asks those that are due; returns whether any has answered.
    pub async fn ask_again(&self, options: &Options) -> bool {
        let now = Instant::now();
        let is_due =
            |(queue, silence): (&ShortString, &Silence)| (silence.ask_at <= now).then(|| queue.clone());
        let due: Vec<ShortString> = self.lock().iter().filter_map(is_due).collect();
        match self.ask(options, due.clone()).await {
            Ok(answered) => answered,
            Err(error) => {
                tracing::debug!(%error, "silent queues could not be asked");
                due.iter().for_each(|queue| self.did_not_answer(queue));
                false
            }
        }
    }

    /// Asks all at the same time, on a connection of its own that is closed afterwards; returns whether any has
    /// answered.
    async fn ask(&self, options: &Options, queues: Vec<ShortString>) -> Result<bool, Error> {
        let connecting = connect(options, "user-import asking");
        let connection = within(CONNECT_TIMEOUT, "connecting", connecting).await?;
        let answers = join_all(queues.iter().map(|queue| answers(&connection, queue))).await;
        close(&connection).await;
        let mut any = false;
        for (queue, answer) in queues.iter().zip(answers) {
            match answer {
                Ok(true) => {
                    self.lock().remove(queue);
                    any = true;
                }
                Ok(false) => self.did_not_answer(queue),
                // The connection is gone, which says nothing about the queue: what was known of it stays.
                Err(error) => {
                    tracing::debug!(%error, queue = queue.as_str(), "a queue could not be asked");
                    if self.contains(queue) {
                        self.did_not_answer(queue);
                    }
                }
            }
        }
        Ok(any)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ShortString, Silence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the queue accepts a subscription in time, or no longer exists and will be declared again. What it delivers
/// goes back to it when the connection is closed.
async fn answers(connection: &Connection, queue: &ShortString) -> Result<bool, lapin::Error> {
    let subscribing = async {
        let channel = connection.create_channel().await?;
        channel.basic_qos(1, BasicQosOptions::default()).await?;
        let (tag, options) = (ShortString::default(), BasicConsumeOptions::default());
        channel
            .basic_consume(queue.clone(), tag, options, FieldTable::default())
            .await
    };
    match tokio::time::timeout(SUBSCRIBE_TIMEOUT, subscribing).await {
        Ok(Ok(_)) => Ok(true),
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ProtocolError(refusal) if connection.status().connected() => Ok(matches!(
                refusal.kind(),
                AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
            )),
            _ => Err(error),
        },
        Err(_) => Ok(false),
    }
}

/// Closes a connection on which a queue may not have answered. If it were only dropped, it would stay open and be given
/// messages once the queue answers.
pub(super) async fn close(connection: &Connection) {
    let closing = connection.close(CLOSE_SUCCESS, "a queue does not answer".into());
    if let Err(error) = within(CLOSE_TIMEOUT, "closing", async { Ok(closing.await?) }).await {
        tracing::debug!(%error, "could not close the connection, the broker closes it when it can");
    }
}
