//! How far imports have got, for all open pages together: while anybody watches, one question goes to the database
//! every half second, however many pages are open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::db::{Db, Progress};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_millis(500);

/// What pages are told of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// No worker has taken its job yet.
    Waiting,
    /// How far it has got.
    Import(Progress),
    /// The database does not answer.
    Unknown,
}

/// `None` until the first answer.
type Senders = HashMap<Uuid, watch::Sender<Option<Seen>>>;

/// The imports that are watched.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    watched: Arc<Mutex<Senders>>,
    begun: Arc<Notify>,
}

impl Watch {
    /// Follows an import. The receiver knows at once what others were told last.
    pub(super) fn follow(&self, import_id: Uuid) -> watch::Receiver<Option<Seen>> {
        let receiver = self
            .watched()
            .entry(import_id)
            .or_insert_with(|| watch::Sender::new(None))
            .subscribe();
        self.begun.notify_one();
        receiver
    }

    /// Asks for as long as the console runs.
    pub(super) async fn run(self, db: Db, stop: CancellationToken) {
        loop {
            let import_ids = self.still_watched();
            let next = async {
                if import_ids.is_empty() {
                    self.begun.notified().await;
                } else {
                    self.tell(&import_ids, db.progress(&import_ids).await.ok());
                    tokio::time::sleep(INTERVAL).await;
                }
            };
            tokio::select! {
                () = next => {}
                () = stop.cancelled() => break,
            }
        }
        // Ends all streams.
        self.watched().clear();
    }

    /// The imports that somebody still watches; the others are forgotten.
    fn still_watched(&self) -> Vec<Uuid> {
        let mut watched = self.watched();
        watched.retain(|_, sender| sender.receiver_count() > 0);
        watched.keys().copied().collect()
    }

    fn tell(&self, import_ids: &[Uuid], answer: Option<Vec<Progress>>) {
        let watched = self.watched();
        for import_id in import_ids {
            let Some(sender) = watched.get(import_id) else {
                continue;
            };
            let seen = match &answer {
                None => Seen::Unknown,
                Some(found) => found
                    .iter()
                    .find(|progress| progress.import_id == *import_id)
                    .map_or(Seen::Waiting, |progress| Seen::Import(*progress)),
            };
            sender.send_if_modified(|before| before.replace(seen) != Some(seen));
        }
    }

    /// The map is always consistent, even if a thread panicked while holding it.
    fn watched(&self) -> MutexGuard<'_, Senders> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
