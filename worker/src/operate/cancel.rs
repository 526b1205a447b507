//! Cancelling by an operator: an import goes in; pending rows become `cancelled`, rows already created stay.

use uuid::Uuid;

use super::error::Error;
use crate::{
    db::{Audit, Db, Import},
    message::Message,
    steps::cancel::{Stopped, stop, what_follows},
};

/// A cancelled import.
#[derive(Debug)]
pub struct Cancelled {
    /// The import as it stands now.
    pub import: Import,
    /// Whether it was cancelled just now, and not before.
    pub changed: bool,
    /// What carries the cancellation out.
    pub messages: Vec<Message>,
}

/// Cancels what is left of an import.
pub async fn cancel(db: &Db, import_id: Uuid, audit: &Audit) -> Result<Cancelled, Error> {
    let (import, changed) = match stop(db, import_id, audit).await? {
        None => return Err(Error::Unknown(import_id)),
        Some(Stopped::Never(_, why)) => return Err(Error::NothingToCancel(import_id, why)),
        Some(Stopped::Now(import)) => (import, true),
        Some(Stopped::Before(import)) => (import, false),
    };
    Ok(Cancelled {
        messages: what_follows(db, &import).await?,
        import,
        changed,
    })
}
