//! How many messages wait at the broker, for all open pages together.

use std::time::Duration;

use super::{cached::Cached, publisher::Publisher};
use crate::broker::{self, Waiting};

/// How long a count is valid.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// What was counted, or the reason why not.
pub(super) type Counted = Result<Waiting, String>;

/// The last count.
#[derive(Debug)]
pub(super) struct Queues(Cached<Counted>);

impl Default for Queues {
    fn default() -> Self {
        Self(Cached::with_max_age(GOOD_FOR))
    }
}

impl Queues {
    /// The last count if it is still valid, or a new one.
    pub(super) async fn count(&self, publisher: &Publisher) -> Counted {
        let counting = async { count(publisher).await.map_err(|error| error.to_string()) };
        self.0.ask(counting).await
    }
}

/// Counts, and tries once more over a new connection if an old one may have broken unnoticed.
async fn count(publisher: &Publisher) -> Result<Waiting, broker::Error> {
    let (link, is_new) = publisher.link().await?;
    match link.waiting().await {
        Err(error) if !is_new => {
            tracing::info!(%error, "broker: reconnecting");
            publisher.forget().await;
            let (link, _) = publisher.link().await?;
            link.waiting().await
        }
        counted => counted,
    }
}
