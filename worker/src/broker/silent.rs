//! Queues that do not answer, as a quorum queue without a leader: a worker goes on without them, and asks again later.
//!
//! Whoever subscribes to such a queue waits for ever, and RabbitMQ then ends the whole connection: without this, one queue
//! that the broker cannot serve would keep all tenants waiting.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lapin::types::ShortString;

/// How long a worker goes on without a queue after the first time in a row that it did not answer, and at most. To ask costs a
/// new connection.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// The queues that did not answer, over all connections of a worker.
#[derive(Debug, Default)]
pub struct SilentQueues(Mutex<HashMap<ShortString, Silence>>);

#[derive(Debug)]
struct Silence {
    ask_at: Instant,
    wait: Duration,
}

impl SilentQueues {
    /// The queue did not answer.
    pub(super) fn did_not_answer(&self, queue: &ShortString) {
        let mut silent = self.lock();
        let wait = silent
            .get(queue)
            .map_or(FIRST_WAIT, |before| (before.wait * 2).min(LONGEST_WAIT));
        let ask_at = Instant::now() + wait;
        silent.insert(queue.clone(), Silence { ask_at, wait });
        tracing::error!(
            queue = queue.as_str(),
            "a queue does not answer, going on without it for {} s: has it a leader?",
            wait.as_secs()
        );
    }

    /// The queue has answered.
    pub(super) fn answered(&self, queue: &ShortString) {
        self.lock().remove(queue);
    }

    /// Whether the queue is not to be asked yet.
    pub(super) fn is_left_alone(&self, queue: &ShortString) -> bool {
        self.lock()
            .get(queue)
            .is_some_and(|silence| silence.ask_at > Instant::now())
    }

    /// Ready when a queue is to be asked again; never if there is none.
    pub async fn due(&self) {
        let first = self.lock().values().map(|silence| silence.ask_at).min();
        match first {
            Some(ask_at) => tokio::time::sleep_until(ask_at.into()).await,
            None => std::future::pending().await,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ShortString, Silence>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
