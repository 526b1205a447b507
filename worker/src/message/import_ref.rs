//! What messages name: an attempt of an import, rows of it, a queue.

use serde::{Deserialize, Serialize};
use shared::contract::Id;
use uuid::Uuid;

/// An attempt of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportRef {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    pub attempt: u32,
}

/// The rows of a batch by their numbers, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowRange {
    /// Number of the first row, from 1.
    pub first: u32,
    /// Number of the last row.
    pub last: u32,
}

/// A queue into which markers are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedQueue {
    /// Its routing key.
    pub key: String,
    /// Its shard, if it is a shard's.
    pub shard: Option<u16>,
}

/// A message that serves only to show when it comes out of its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// Routing key of the queue.
    pub queue: String,
    /// The round in which all queues are marked.
    pub round: i64,
}
