//! Cancel: a message of the Dialer, or an operator's command, goes in; pending rows become `cancelled`, rows already created stay.
//!
//! The report step ends the import, like any other: it writes both reports and sets the final state. A message that
//! comes before its job is kept until that comes.

use serde_json::json;
use shared::contract::cancel::Cancel;
use uuid::Uuid;

use super::{Context, Error, event};
use crate::{
    db::{self, Audit, Db, Import, State},
    message::Message,
};

/// The outcome of cancelling an import.
#[derive(Debug)]
pub enum Stopped {
    /// It was cancelled just now.
    Now(Import),
    /// It had been cancelled before.
    Before(Import),
    /// It has nothing left to cancel, and why.
    Never(Import, &'static str),
}

/// Cancels an import at the Dialer's request; keeps the request, if there is no such import yet.
pub async fn cancel(context: &Context, asked: &Cancel) -> Result<Vec<Message>, Error> {
    let db = &context.db;
    // First, so that a job that comes at this moment finds it, if its import is not found here.
    db.ask_cancellation(asked).await?;
    match db.find(asked.import_id).await? {
        Some(import) if import.job.tenant_id == asked.tenant_id => {
            let requested_by = db.asked_cancellation(import.reference()).await?;
            carry_out(context, &import, requested_by.flatten()).await
        }
        Some(_) => {
            tracing::warn!("nothing is cancelled: the import is another tenant's");
            Ok(Vec::new())
        }
        None => {
            tracing::info!("the import will be cancelled when its job comes");
            Ok(Vec::new())
        }
    }
}

/// Cancels the import of a job that has just come, if the Dialer asked for it before; `None` if it did not.
pub async fn asked_before(context: &Context, import_id: Uuid) -> Result<Option<Vec<Message>>, Error> {
    let db = &context.db;
    let Some(import) = db.find(import_id).await? else {
        return Ok(None);
    };
    match db.asked_cancellation(import.reference()).await? {
        Some(requested_by) => carry_out(context, &import, requested_by).await.map(Some),
        None => Ok(None),
    }
}

/// Cancels an import that the Dialer wants to be cancelled, and says how it ended, if it had finished before.
async fn carry_out(
    context: &Context,
    import: &Import,
    requested_by: Option<String>,
) -> Result<Vec<Message>, Error> {
    let reference = import.reference();
    let audit = Audit {
        command: "cancel",
        operator: requested_by.unwrap_or_else(|| "the Dialer".to_owned()),
        reason: Some("cancel message".to_owned()),
    };
    let stopped = stop(&context.db, reference.import_id, &audit).await?;
    if let Some(Stopped::Now(import)) = &stopped
        && import.state.is_final()
    {
        context.metrics.ended(import.state);
    }
    let messages = match stopped {
        // Whatever else follows, the event comes from a message that names the attempt. If the Dialer's queue is full,
        // that one waits, and not the cancel message, which would cancel whatever an operator has resumed since.
        Some(Stopped::Now(import) | Stopped::Before(import) | Stopped::Never(import, _))
            if import.state.is_final() || is_done(&import) =>
        {
            vec![Message::Report(import.reference())]
        }
        Some(_) | None => Vec::new(),
    };
    context
        .db
        .close_cancellation(reference.import_id, reference.tenant_id)
        .await?;
    Ok(messages)
}

/// Cancels what is left of an import; `None` if there is no such import. One that has failed is finished in this way: its reports
/// are written in a new attempt, so that the passwords of the users that it has made are not lost.
pub async fn stop(db: &Db, import_id: Uuid, audit: &Audit) -> Result<Option<Stopped>, db::Error> {
    let Some(mut locked) = db.lock_import(import_id).await? else {
        return Ok(None);
    };
    let (state, pending) = (locked.import().state, locked.import().pending);
    let is_purged = locked.import().rows_purged_at.is_some();
    if locked.import().is_cancelled() {
        let import = locked.import().clone();
        locked.abandon().await?;
        return Ok(Some(Stopped::Before(import)));
    }
    let nothing_left = match state {
        State::Failed if is_purged => Some("purged"),
        State::Failed | State::Received => None,
        State::Running if pending > 0 => None,
        State::Running => Some("about to be completed: every row has its outcome"),
        State::Completed | State::Rejected | State::Cancelled => Some(state.as_str()),
    };
    if let Some(why) = nothing_left {
        let import = locked.import().clone();
        locked.abandon().await?;
        return Ok(Some(Stopped::Never(import, why)));
    }
    if state == State::Failed {
        locked.reopen(false).await?;
    }
    locked.cancel().await?;
    let now = locked.import();
    let details = json!({
        "was": state.as_str(), "attempt": now.attempt, "created": now.summary.created, "cancelled": now.summary.cancelled,
    });
    locked
        .commit(audit, details)
        .await
        .map(|import| Some(Stopped::Now(import)))
}

/// What carries a cancellation out.
pub async fn what_follows(db: &Db, import: &Import) -> Result<Vec<Message>, db::Error> {
    let event = event::final_event(db, import).await?;
    Ok(match event {
        Some(event) => vec![Message::event(event)],
        None if is_done(import) => vec![Message::Report(import.reference())],
        None => Vec::new(),
    })
}

/// Whether nothing is left but the reports.
fn is_done(import: &Import) -> bool {
    import.state == State::Running && import.pending == 0
}
