//! An import that could not go on: for a while, or for good.

use std::time::Duration;

use sqlx::PgTransaction;
use time::OffsetDateTime;

use super::{convert::unsigned, error::Error, pool::Db, tenant_lock::lock_tenant};
use crate::message::{DeadReason, ImportRef, Subject};

/// An import that waits for its next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// The import.
    pub import: ImportRef,
    /// How many delays this attempt has had, with this one.
    pub number: u32,
    /// Since when it has made no progress.
    pub since: OffsetDateTime,
    /// The current time.
    pub now: OffsetDateTime,
    /// When it is tried again.
    pub next_try_at: OffsetDateTime,
}

/// Fails an unfinished import; returns whether it was unfinished. Rows and seed stay, so that a replay can go on.
pub(super) async fn fail(
    transaction: &mut PgTransaction<'static>,
    subject: Subject,
    reason: DeadReason,
    error: Option<&str>,
) -> Result<bool, Error> {
    // A batch that is being committed comes before or after, so that the event counts all its users.
    lock_tenant(transaction, subject.tenant_id).await?;
    let failed = sqlx::query!(
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
    Ok(failed.rows_affected() > 0)
}

impl Db {
    /// Tells the rescue that a message of the import waits for this long, though nothing went wrong: from now on it is not delayed
    /// by an error.
    pub async fn note_wait(&self, subject: &Subject, wait: Duration) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports
                SET progress_at = greatest(progress_at, clock_timestamp() + make_interval(secs => $3)), delayed_since = NULL
              WHERE import_id = $1 AND tenant_id = $2",
            subject.import_id,
            subject.tenant_id.get(),
            wait.as_secs_f64(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Records that a message of the import is retried after the delay: for operators to see, and so that the rescue does not
    /// take it for lost. Returns what the Dialer may be told; `None` if there is no such import under way.
    pub async fn note_retry(
        &self,
        subject: &Subject,
        error: &str,
        delay: Duration,
    ) -> Result<Option<Delay>, Error> {
        let noted = sqlx::query!(
            r#"UPDATE imports.imports
                SET tries = tries + 1, last_error = $3, delayed_since = coalesce(delayed_since, clock_timestamp()),
                    progress_at = greatest(progress_at, clock_timestamp() + make_interval(secs => $4))
              WHERE import_id = $1 AND tenant_id = $2
          RETURNING attempt, state IN ('received', 'running') AS "is_under_way!", tries,
                    delayed_since AS "since!", clock_timestamp() AS "now!""#,
            subject.import_id,
            subject.tenant_id.get(),
            error,
            delay.as_secs_f64(),
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        let Some(noted) = noted.filter(|noted| noted.is_under_way) else {
            return Ok(None);
        };
        let import = ImportRef {
            import_id: subject.import_id,
            tenant_id: subject.tenant_id,
            attempt: unsigned("attempt", noted.attempt)?,
        };
        Ok(Some(Delay {
            import,
            number: unsigned("tries", noted.tries)?,
            since: noted.since,
            now: noted.now,
            next_try_at: noted.now + delay,
        }))
    }
}
