//! What every request is answered with.

use shared::limits::Limits;

use super::{
    access::Keys, bounds::Bounds, options::Framing, publisher::Publisher, queues::Queues, watch::Watch,
};
use crate::{db::Db, storage::Storage};

/// What every request is answered with.
#[derive(Debug)]
pub struct Console {
    /// Imports, users, sessions.
    pub(super) db: Db,
    /// Uploads and reports.
    pub(super) storage: Storage,
    /// The way to the broker.
    pub(super) publisher: Publisher,
    /// How many messages wait there.
    pub(super) queues: Queues,
    /// What tokens are signed with.
    pub(super) keys: Keys,
    /// What a file may be: the workers' own limits.
    pub(super) limits: Limits,
    /// Who may show the pages in a frame.
    pub(super) framing: Framing,
    /// Uploads of each tenant.
    pub(super) uploads: Bounds,
    /// Streams of each tenant.
    pub(super) streams: Bounds,
    /// How far imports are, for all streams together.
    pub(super) watch: Watch,
}
