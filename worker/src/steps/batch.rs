//! Batch: a batch goes in; its users, the outcomes of its rows, and, after the last one, the message that asks for the
//! reports come out. Expensive: this is where passwords are hashed.

use shared::contract::message::RowsDue;
use time::OffsetDateTime;

use crate::{
    crypto::password::{Password, Seed},
    db::{Committed, Hashed, Import, State},
    message::Message,
    steps::{Context, Error, event, plan::report_due},
};

/// Creates the users of a batch, unless that has been done; returns what is due next.
pub async fn batch(context: &Context, body: &[u8]) -> Result<Vec<Message>, Error> {
    let due: RowsDue = serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let Some(import) = context
        .db
        .find(due.import_id)
        .await?
        .filter(|import| concerns(import, &due))
    else {
        tracing::info!(import_id = %due.import_id, attempt = due.attempt, "batch of an import that is over");
        return Ok(Vec::new());
    };
    let rows = context.db.pending_batch(&due).await?.rows;
    let mut committed = None;
    if !rows.is_empty() {
        let seed = open_seed(context, &import)?;
        let digits_only = import.job.password.digits_only;
        let passwords: Vec<Password> = rows.iter().map(|row| seed.password(*row, digits_only)).collect();
        let hashes = context.hasher.hash(due.tenant_id, passwords).await?;
        crash_point!("hashed");
        committed = context.db.commit_batch(&import, &Hashed { rows, hashes }).await?;
        crash_point!("settled");
    }
    next(context, &import, committed).await
}

fn concerns(import: &Import, due: &RowsDue) -> bool {
    import.job.tenant_id == due.tenant_id && import.attempt == due.attempt && import.state == State::Running
}

/// The reports, if no row is left; else how far the import is. Asked even if the batch had been done before: whoever did
/// it may have died before its message was out.
async fn next(
    context: &Context,
    before: &Import,
    committed: Option<Committed>,
) -> Result<Vec<Message>, Error> {
    let (after, rows) = match committed {
        Some(Committed {
            rows,
            summary,
            pending,
        }) => {
            let after = Import {
                summary,
                pending,
                ..before.clone()
            };
            (after, rows)
        }
        None => match context.db.find(before.job.import_id).await? {
            Some(after) => (after, 0),
            None => return Ok(Vec::new()),
        },
    };
    if after.state != State::Running || after.attempt != before.attempt {
        return Ok(Vec::new());
    }
    if after.pending == 0 {
        return Ok(vec![Message::Report(report_due(&after))]);
    }
    let progress = event::progress(&after, rows, OffsetDateTime::now_utc())?;
    Ok(progress.into_iter().map(Message::event).collect())
}

/// The seed of the passwords of this attempt.
pub fn open_seed(context: &Context, import: &Import) -> Result<Seed, Error> {
    let sealed = import.sealed_seed.as_ref().ok_or(Error::SeedMissing)?;
    Ok(context.seals.open(sealed, import.seed_owner())?)
}
