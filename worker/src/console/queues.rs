//! How many messages wait at the broker, for all open pages together: one count in ten seconds, whatever number of pages is
//! open, and none while nobody looks.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::publisher::Publisher;
use crate::broker::{self, Waiting};

/// How long a count is good.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// What was counted, or why not, in words.
pub(super) type Counted = Result<Waiting, String>;

/// The last count.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<Option<(Instant, Counted)>>);

impl Queues {
    /// The last count if it is good, or a new one. Whoever asks meanwhile waits for it.
    pub(super) async fn count(&self, publisher: &Publisher) -> Counted {
        let mut last = self.0.lock().await;
        if let Some((at, counted)) = &*last
            && at.elapsed() < GOOD_FOR
        {
            return counted.clone();
        }
        let counted = count(publisher).await.map_err(|error| error.to_string());
        *last = Some((Instant::now(), counted.clone()));
        counted
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
