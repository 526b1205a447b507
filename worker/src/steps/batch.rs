//! Batch: rows of an import go in; their users, their outcomes, and, after the last one, the message that asks for the
//! reports come out. Expensive: this is where passwords are hashed.

use time::OffsetDateTime;

use super::{Context, Error, Opened, event, open};
use crate::{
    crypto::password::Password,
    db::{Committed, Hashed, Import},
    message::{Message, RowRange},
    telemetry::traces,
};

/// Creates the users of a batch, unless that has been done; returns what is due next.
pub async fn batch(context: &Context, import: Import, rows: RowRange) -> Result<Vec<Message>, Error> {
    let rows = context.db.pending_rows_in(import.reference(), rows).await?;
    let mut committed = None;
    if !rows.is_empty() {
        let seed = context.open_seed(&import)?;
        let digits_only = import.job.password.digits_only;
        let passwords: Vec<Password> = rows.iter().map(|row| seed.password(*row, digits_only)).collect();
        let hashing = context.hasher.hash(import.job.tenant_id, passwords);
        let hashes = traces::part("hash passwords", hashing).await?;
        crash_point!("hashed");
        let hashed = Hashed {
            rows,
            hashes,
            password_days: context.password_days,
        };
        committed = traces::part("commit batch", context.db.commit_batch(&import, &hashed)).await?;
        if let Some(committed) = &committed {
            context.metrics.rows(&committed.outcomes);
        }
        crash_point!("settled");
    }
    next(context, import, committed).await
}

/// The reports, if no row is left; otherwise the progress of the import. Also if the batch had been done before: the
/// worker that did it may have died before its message was published.
async fn next(
    context: &Context,
    import: Import,
    committed: Option<Committed>,
) -> Result<Vec<Message>, Error> {
    let (now, rows) = match committed {
        Some(Committed {
            outcomes,
            summary,
            pending,
        }) => (
            Import {
                summary,
                pending,
                ..import
            },
            outcomes.total,
        ),
        None => match open(context, import.reference()).await? {
            Opened::Running(now) => (*now, 0),
            // Whoever ended it publishes its event.
            Opened::Over(_) => return Ok(Vec::new()),
        },
    };
    if now.pending == 0 {
        return Ok(vec![Message::Report(now.reference())]);
    }
    let progress = event::progress(&now, rows, OffsetDateTime::now_utc())?;
    Ok(progress.into_iter().map(Message::event).collect())
}
