//! Cancelling: an import goes in; pending rows become `cancelled`, rows already created stay.
//!
//! The report step ends the import, as any other: it writes both reports and sets the final state.

use serde_json::json;
use uuid::Uuid;

use super::error::Error;
use crate::{
    db::{Audit, Db, Import, State},
    message::Message,
    steps::event,
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

/// Cancels what is left of an import. One that has failed is finished in this way: its reports are written in a new
/// attempt, so that the passwords of the users that it has made are not lost.
pub async fn cancel(db: &Db, import_id: Uuid, audit: &Audit) -> Result<Cancelled, Error> {
    let Some(mut locked) = db.lock_import(import_id).await? else {
        return Err(Error::Unknown(import_id));
    };
    let (state, summary, pending) = {
        let import = locked.import();
        (import.state, import.summary, import.pending)
    };
    let is_cancelled = state == State::Cancelled || (state == State::Running && summary.cancelled > 0);
    if is_cancelled {
        let import = locked.import().clone();
        locked.abandon().await?;
        return after(db, import, false).await;
    }
    match state {
        State::Failed => {
            locked.reopen(false).await?;
            locked.cancel().await?;
        }
        State::Received => locked.cancel().await?,
        State::Running if pending > 0 => locked.cancel().await?,
        State::Running => {
            locked.abandon().await?;
            return Err(Error::NothingToCancel(
                import_id,
                "about to be completed: every row has its outcome",
            ));
        }
        State::Completed | State::Rejected | State::Cancelled => {
            locked.abandon().await?;
            return Err(Error::NothingToCancel(import_id, state.as_str()));
        }
    }
    let now = locked.import();
    let details = json!({
        "was": state.as_str(), "attempt": now.attempt, "created": now.summary.created, "cancelled": now.summary.cancelled,
    });
    let import = locked.commit(audit, details).await?;
    after(db, import, true).await
}

async fn after(db: &Db, import: Import, changed: bool) -> Result<Cancelled, Error> {
    let messages = match import.state {
        State::Running => vec![Message::Report(import.reference())],
        _ => event::final_event(db, &import)
            .await?
            .into_iter()
            .map(Message::event)
            .collect(),
    };
    Ok(Cancelled {
        import,
        changed,
        messages,
    })
}
