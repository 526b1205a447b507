//! Why the broker could not be used.

/// Why the broker could not be used. What is not acknowledged then is delivered again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker, or the way to it, failed.
    #[error("broker: {0}")]
    Lapin(#[from] lapin::Error),
    /// The URL cannot be read. The parser's own message would show it, password and all.
    #[error(
        "broker: AMQP_URL is not of the form amqp://USER:PASSWORD@HOST:PORT/VHOST (special characters as %XX)"
    )]
    Url,
    /// The broker did not answer in time.
    #[error("broker: {action} took longer than {seconds} s")]
    Timeout {
        /// What was waited for.
        action: &'static str,
        /// How long.
        seconds: u64,
    },
    /// A queue refused a message. Only that message is affected: the connection still works.
    #[error("broker: queue {queue:?} refuses messages: is it full (max-length), or the broker's disk?")]
    Refused {
        /// The queue.
        queue: String,
    },
    /// A queue does not answer. Only what concerns it is affected: the connection still works.
    #[error("broker: queue {queue:?} does not answer: does it have a leader?")]
    Silent {
        /// The queue.
        queue: String,
    },
    /// A message found no queue.
    #[error(
        "broker: a message to {exchange:?} with key {routing_key:?} found no queue: run `user-import topology`"
    )]
    Unroutable {
        /// The exchange.
        exchange: String,
        /// The routing key.
        routing_key: String,
    },
    /// A message could not be written as JSON.
    #[error("broker: a message cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The channel is gone.
    #[error("broker: the connection is gone")]
    Gone,
}

impl Error {
    /// Whether one queue did not take a message, while the others may.
    pub const fn is_of_one_queue(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Silent { .. })
    }
}
