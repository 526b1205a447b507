//! Why something was left as it was.

use shared::rejection::Rejection;
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
    /// Another job has this ID.
    #[error("the import {0} exists with another file or other options")]
    Taken(Uuid),
    /// It cannot be cancelled any more.
    #[error("the import {0} is {1}: there is nothing left to cancel")]
    NothingToCancel(Uuid, &'static str),
    /// It has nothing unfinished.
    #[error("the import {import_id} is {state}: nothing of it is unfinished; {hint}")]
    NothingToReplay {
        /// The import.
        import_id: Uuid,
        /// Where it stands.
        state: &'static str,
        /// What may be meant.
        hint: &'static str,
    },
    /// Its rows are not there any more.
    #[error("the rows of the import {0} were purged: import the file again")]
    Purged(Uuid),
    /// What the job says for all rows does not hold any more.
    #[error("the rows cannot be validated again: {0}")]
    Refused(Rejection),
    /// A purge deletes, which the log-in is not allowed to.
    #[error(
        "this database role may not delete imports and dead letters: give OPERATOR_DATABASE_URL the log-in of a member of \
         user_import_operator (GRANT user_import_operator TO …)"
    )]
    MayNotPurge,
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
