//! Why something was left as it was.

use shared::{contract::Id, rejection::Rejection};
use uuid::Uuid;

use crate::{broker, db, storage};

/// Why something was left as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such import.
    #[error(
        "there is no import {0}: no worker has taken a job with this ID yet (user-import list shows what there is)"
    )]
    Unknown(Uuid),
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    UnknownTenant(Id),
    /// Another job has this ID.
    #[error("the import {0} exists with another file or other options")]
    Taken(Uuid),
    /// It cannot be cancelled any more.
    #[error("the import {0} is {1}: there is nothing left to cancel")]
    NothingToCancel(Uuid, &'static str),
    /// A replay has nothing to do, or not what it was told to do.
    #[error("the import {import_id} is {state}: {why}")]
    NothingToReplay {
        /// The import.
        import_id: Uuid,
        /// Its state.
        state: &'static str,
        /// Why, and what may be meant.
        why: &'static str,
    },
    /// Passwords that nobody has can no longer be made.
    #[error(
        "the passwords of {users} users of the import {import_id} can no longer be made, because their seed is destroyed: \
         --abandon-passwords goes on without them, and they need new passwords, made in the Dialer"
    )]
    SeedGone {
        /// The import.
        import_id: Uuid,
        /// How many.
        users: u32,
    },
    /// Its rows are not there any more.
    #[error("the rows of the import {0} were purged: import the file again")]
    Purged(Uuid),
    /// What the job says for all rows no longer holds.
    #[error("the rows cannot be validated again: {0}")]
    Refused(Rejection),
    /// The log-in is not allowed to delete, which a purge does.
    #[error(
        "this database role may not delete imports and dead letters: give OPERATOR_DATABASE_URL the log-in of a member of \
         user_import_operator (GRANT user_import_operator TO …)"
    )]
    MayNotPurge,
    /// A tenant cannot be erased while it imports.
    #[error(
        "{imports} imports of tenant {tenant_id} are under way: cancel them, or wait until they are finished"
    )]
    UnderWay {
        /// How many.
        imports: i64,
        /// The tenant.
        tenant_id: Id,
    },
    /// The database.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] broker::Error),
    /// Object storage.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}
