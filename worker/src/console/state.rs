//! What handlers of requests share.

use std::{sync::Arc, time::Duration};

use shared::limits::Limits;
use tokio::sync::Semaphore;

use super::{
    access::keys::Keys,
    bounds::Bounds,
    cached::within,
    findings::Findings,
    options::Framing,
    publisher::Publisher,
    queues::{Counted, Queues},
    watch::Watch,
};
use crate::{checks::Check, db::Db, storage::Storage};

/// How long a page waits for a count of messages. It takes milliseconds, unless the broker is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// What handlers of requests share.
#[derive(Debug)]
pub struct Console {
    /// Imports, users, sessions.
    pub(super) db: Db,
    /// Uploads and reports.
    pub(super) storage: Storage,
    /// The connection to the broker.
    pub(super) publisher: Publisher,
    /// How many messages wait there.
    pub(super) queues: Queues,
    /// What is not as it should be.
    pub(super) findings: Findings,
    /// What tokens are signed with.
    pub(super) keys: Keys,
    /// The limits of a file: the same as the workers'.
    pub(super) limits: Limits,
    /// Who may show the pages in a frame.
    pub(super) framing: Framing,
    /// Files that are being received.
    pub(super) uploads: Bounds,
    /// Files that are read again.
    pub(super) files: Bounds,
    /// Reports that are being sent.
    pub(super) downloads: Bounds,
    /// Progress streams.
    pub(super) streams: Bounds,
    /// Permits to read a file.
    pub(super) reading: Arc<Semaphore>,
    /// How far imports have got, for all streams together.
    pub(super) watch: Watch,
}

impl Console {
    /// How many messages wait, or why that is not known.
    pub(super) async fn waiting(self: &Arc<Self>) -> Counted {
        let console = Arc::clone(self);
        let counting = async move { console.queues.count(&console.publisher).await };
        let counted = within(PATIENCE, counting).await;
        counted.unwrap_or_else(|| Err("the broker has not answered yet".to_owned()))
    }

    /// What `doctor` would find, or found last if that takes longer than `patience`; `None` if nothing was checked yet.
    pub(super) async fn findings(self: &Arc<Self>, patience: Duration) -> Option<Vec<Check>> {
        let console = Arc::clone(self);
        let asking = async move { console.findings.ask(&console.db, &console.publisher).await };
        within(patience, asking).await.or_else(|| self.findings.last())
    }
}
