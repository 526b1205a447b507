//! The steps of an import, and what they share: their context, and what can go wrong.
//!
//! A step takes a message, makes its effect durable, and returns the messages that follow. It never publishes and never
//! acknowledges: the engine does both, in this order, for all of them.

pub mod batch;
pub mod event;
pub mod plan;
pub mod receive;
pub mod report;

use shared::{contract::Id, limits::Limits};

use crate::{
    broker::Topology,
    crypto::{
        hashing::{self, Hasher},
        seal::{self, KeyRing},
    },
    db::{self, Db, Shards},
    storage::{self, Storage},
};

/// What a step is given.
#[derive(Debug)]
pub struct Context {
    /// Imports and users.
    pub db: Db,
    /// Uploads and reports.
    pub storage: Storage,
    /// Argon2id.
    pub hasher: Hasher,
    /// Keys for password seeds.
    pub seals: KeyRing,
    /// The shards that imports are spread over.
    pub topology: Topology,
    /// What a file may be.
    pub limits: Limits,
    /// Pending rows in one message: few enough to take seconds at most, enough to make a transaction worth it.
    pub batch_rows: usize,
}

impl Context {
    /// The shards, as a tenant sees them.
    pub fn shards(&self, tenant_id: Id) -> Shards {
        Shards {
            count: self.topology.shards(),
            home: self.topology.home_shard(tenant_id),
        }
    }
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The message is not what its queue is for.
    #[error("the message is not valid: {0}")]
    Malformed(String),
    /// The import ID is that of an import with another job.
    #[error("the import ID is taken: an import with another job has it; publish with a new ID")]
    ImportIdTaken,
    /// PostgreSQL.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Object storage.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// Argon2.
    #[error(transparent)]
    Hashing(#[from] hashing::Error),
    /// Password seeds.
    #[error(transparent)]
    Seal(#[from] seal::Error),
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// An import has lost its seed, so that its passwords cannot be made.
    #[error("the import has no password seed")]
    SeedMissing,
    /// The step panicked; where.
    #[error("the step panicked at {0}")]
    Panicked(String),
    /// The step came to no end.
    #[error("the step came to no end within {seconds} s")]
    Stalled {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The message was handed out alone and killed its worker, again and again.
    #[error("the message was handed out {deliveries} times alone, and each time its worker died")]
    KillsWorkers {
        /// How often.
        deliveries: u32,
    },
    /// The messages of the import were lost.
    #[error("the import was resumed {rescues} times, and each time its messages were lost")]
    MessagesLost {
        /// How often.
        rescues: u32,
    },
}
