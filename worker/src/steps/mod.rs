//! The steps of an import, and what they share: their context, how they open the import, and what can go wrong.
//!
//! A step takes an import, makes its effect durable, and returns the messages that follow. It never publishes and never
//! acknowledges: the engine does both, in this order, for all of them. A step knows neither its siblings nor the engine.

pub mod batch;
pub mod cancel;
pub mod event;
pub mod plan;
pub mod receive;
pub mod report;

use std::sync::Arc;

use shared::{
    contract::{Id, job::Mode},
    limits::Limits,
};

use crate::{
    crypto::{
        hashing::{self, Hasher},
        password::Seed,
        seal::{self, KeyRing},
    },
    db::{self, Db, Import},
    fair::Shards,
    message::{ImportRef, Message, Unreadable},
    secret::SealedSeed,
    storage::{self, Storage},
    telemetry::metrics::Metrics,
};

/// What a step is given.
#[derive(Debug)]
pub struct Context {
    /// Imports and users.
    pub db: Db,
    /// Uploads and reports.
    pub storage: Storage,
    /// Argon2id.
    pub hasher: Arc<Hasher>,
    /// Keys for password seeds.
    pub seals: KeyRing,
    /// How many shards imports are spread over.
    pub shards: u16,
    /// What a file may be.
    pub limits: Limits,
    /// Pending rows in one message: few enough to take seconds at most, enough to make a transaction worth it.
    pub batch_rows: usize,
    /// For how many days a temporary password is valid.
    pub password_days: u16,
    /// What is counted.
    pub metrics: Metrics,
}

impl Context {
    /// The shards, as a tenant sees them.
    pub fn shards(&self, tenant_id: Id) -> Shards {
        Shards::of(tenant_id, self.shards)
    }

    /// A new seed for the passwords of the import's attempt, sealed; `None` if the import makes no users.
    pub fn new_seed(&self, import: &Import) -> Result<Option<SealedSeed>, Error> {
        match import.job.mode {
            Mode::Validate => Ok(None),
            Mode::Import => Ok(Some(self.seals.seal(&Seed::generate()?, import.reference())?)),
        }
    }

    /// The seed of the passwords of the import's attempt.
    pub fn open_seed(&self, import: &Import) -> Result<Seed, Error> {
        let sealed = import.sealed_seed.as_ref().ok_or(Error::SeedMissing)?;
        Ok(self.seals.open(sealed, import.seed_owner())?)
    }
}

/// The import of a task, as it stands now.
#[derive(Debug)]
pub enum Opened {
    /// The task's attempt is under way.
    Running(Box<Import>),
    /// Nothing is left to do for the task. If its attempt has ended, the message is the event that says how: the worker
    /// that ended it may have died before the event was published. Published again it is the same event.
    Over(Vec<Message>),
}

/// Finds the import of a task, and checks whether the task is still to be done: whether tenant and attempt are those of
/// the import, and its state is not final.
pub async fn open(context: &Context, task: ImportRef) -> Result<Opened, Error> {
    let found = context.db.find(task.import_id).await?;
    let Some(import) = found.filter(|import| import.reference() == task) else {
        tracing::info!(
            attempt = task.attempt,
            "nothing to do: this attempt of the import has ended"
        );
        return Ok(Opened::Over(Vec::new()));
    };
    Ok(match event::final_event(&context.db, &import).await? {
        Some(event) => Opened::Over(vec![Message::event(event)]),
        None => Opened::Running(Box::new(import)),
    })
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The message is not what its queue is for.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The import ID is that of an import with another job.
    #[error("the import ID is taken: an import with another job has it; publish with a new ID")]
    ImportIdTaken,
    /// The import of this ID was purged.
    #[error("the import of this ID was purged: publish with a new ID")]
    ImportPurged,
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
    /// The step did not finish.
    #[error("the step was not done within {seconds} s")]
    Stalled {
        /// How long the worker waited for it.
        seconds: u64,
    },
    /// The message was delivered alone, and its worker died, again and again.
    #[error("the message was delivered {deliveries} times alone, and each time its worker died")]
    KillsWorkers {
        /// How often.
        deliveries: u32,
    },
    /// An operator has paused the import.
    #[error("the import is paused: user-import resume ends that")]
    Paused,
    /// The messages of the import were lost.
    #[error("the import was resumed {rescues} times, and each time its messages were lost")]
    MessagesLost {
        /// How often.
        rescues: u32,
    },
}
