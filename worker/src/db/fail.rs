//! An import that could not go on: for a while, or for good.

use std::time::Duration;

use sqlx::PgTransaction;
use uuid::Uuid;

use super::{error::Error, pool::Db, tenant_lock::lock_tenant};
use crate::message::{DeadReason, Subject};

/// Gives an unfinished import up. Rows and seed stay, so that a replay can go on.
pub(super) async fn fail(
    transaction: &mut PgTransaction<'static>,
    subject: Subject,
    reason: DeadReason,
    error: Option<&str>,
) -> Result<(), Error> {
    // A batch that is being committed comes before or after, so that the event tells of all its users.
    lock_tenant(transaction, subject.tenant_id).await?;
    sqlx::query!(
        "UPDATE imports.imports
            SET state = 'failed', failure_reason = $3, last_error = $4, finished_at = now()
          WHERE import_id = $1 AND tenant_id = $2 AND state IN ('received', 'running')
            AND ($5::bigint IS NULL OR attempt = $5)",
        subject.import_id,
        subject.tenant_id.get(),
        reason.as_str(),
        error,
        subject.attempt.map(i64::from),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

impl Db {
    /// Records that a message of the import is retried after the delay: for operators to see, and so that the rescue does not
    /// take it for lost.
    pub async fn note_retry(&self, import_id: Uuid, error: &str, delay: Duration) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports
                SET tries = tries + 1, last_error = $2,
                    progress_at = greatest(progress_at, clock_timestamp() + make_interval(secs => $3))
              WHERE import_id = $1",
            import_id,
            error,
            delay.as_secs_f64(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
