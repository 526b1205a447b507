//! How many messages wait at the broker, for all open pages together.

use std::time::Duration;

use super::{lately::Lately, publisher::Publisher};
use crate::broker::{self, Waiting};

/// How long a count is good.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// What was counted, or why not, in words.
pub(super) type Counted = Result<Waiting, String>;

/// The last count.
#[derive(Debug)]
pub(super) struct Queues(Lately<Counted>);

impl Default for Queues {
    fn default() -> Self {
        Self(Lately::good_for(GOOD_FOR))
    }
}

impl Queues {
    /// The last count if it is good, or a new one.
    pub(super) async fn count(&self, publisher: &Publisher) -> Counted {
        let counting = async { count(publisher).await.map_err(|error| error.to_string()) };
        self.0.ask(counting).await
    }
}

/// Counts; once more over a new connection, where an old one may have broken unnoticed.
async fn count(publisher: &Publisher) -> Result<Waiting, broker::Error> {
    let (link, is_new) = publisher.link().await?;
    match link.waiting().await {
        Err(error) if !is_new => {
            tracing::info!(%error, "broker: connecting anew");
            publisher.forget().await;
            let (link, _) = publisher.link().await?;
            link.waiting().await
        }
        counted => counted,
    }
}
