//! How much work waits, for all tenants together.

use std::time::Duration;

use super::{convert::unsigned, error::Error, pool::Db};

/// An import that makes no progress for this long waits behind a backlog, or somebody should look at it.
pub const STALLED: Duration = Duration::from_secs(600);

/// How much work waits, for all workers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Imports whose file has not been read yet.
    pub received: u32,
    /// Imports whose rows are being created.
    pub running: u32,
    /// Unfinished imports without progress for as long as [`STALLED`].
    pub stalled: u32,
    /// Imports that wait for an operator.
    pub failed: u32,
    /// Dead letters that nobody has replayed or discarded yet.
    pub dead_letters: u32,
    /// Tenants whose imports are paused.
    pub paused_tenants: u32,
    /// Whether the imports of all tenants are paused.
    pub all_paused: bool,
    /// Rows of running imports without an outcome, except those of paused tenants, which no worker may create.
    pub pending_rows: u64,
    /// Age of the oldest unfinished import.
    pub oldest: Duration,
    /// For how long the unfinished import that has waited longest has made no progress.
    pub without_progress: Duration,
    /// For how long the import has been finished whose success CSV is the oldest that was not purged.
    pub oldest_success_csv: Duration,
}

impl Db {
    /// How much work waits. Looks at most at the 100,000 unfinished imports that have waited longest for progress, and at 10,000
    /// failed ones and dead letters, so that it costs no more than some tens of milliseconds however much there is.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let found = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE state = 'received')::integer AS "received!",
                      count(*) FILTER (WHERE state = 'running')::integer AS "running!",
                      coalesce(sum(pending) FILTER (WHERE NOT is_paused), 0)::bigint AS "pending_rows!",
                      coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)::double precision AS "oldest!",
                      coalesce(extract(epoch FROM clock_timestamp() - min(progress)), 0)::double precision
                          AS "without_progress!",
                      count(*) FILTER (WHERE progress < clock_timestamp() - make_interval(secs => $1))::integer
                          AS "stalled!",
                      (SELECT count(*) FROM (SELECT FROM imports.imports WHERE state = 'failed' LIMIT 10000) AS failed)::integer
                          AS "failed!",
                      (SELECT count(*) FROM (SELECT FROM imports.dead_letters WHERE state = 'open' LIMIT 10000) AS open)::integer
                          AS "dead_letters!",
                      (SELECT count(*) FROM imports.pauses WHERE resumed_at IS NULL AND tenant_id IS NOT NULL)::integer
                          AS "paused_tenants!",
                      EXISTS (SELECT FROM imports.pauses WHERE resumed_at IS NULL AND tenant_id IS NULL) AS "all_paused!",
                      coalesce(extract(epoch FROM clock_timestamp() - (
                          SELECT min(finished_at) FROM imports.imports
                           WHERE (state IN ('completed', 'cancelled', 'rejected') OR state = 'failed' AND sealed_seed IS NULL)
                             AND success_purged_at IS NULL AND planned_at IS NOT NULL
                      )), 0)::double precision AS "oldest_success_csv!"
                 FROM (SELECT state, pending, received_at,
                              -- Of an import whose message is retried progress_at is when the delay ends.
                              least(progress_at, delayed_since) AS progress,
                              EXISTS (SELECT FROM imports.pauses WHERE resumed_at IS NULL AND tenant_id IS NULL)
                              OR tenant_id IN (SELECT tenant_id FROM imports.pauses
                                                WHERE resumed_at IS NULL AND tenant_id IS NOT NULL) AS is_paused
                         FROM imports.imports
                        WHERE state IN ('received', 'running')
                        ORDER BY progress_at
                        LIMIT 100000) AS unfinished"#,
            STALLED.as_secs_f64(),
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        // An import that waits because it is paused has its progress in the future.
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Ok(Backlog {
            received: unsigned("received", found.received)?,
            running: unsigned("running", found.running)?,
            stalled: unsigned("stalled", found.stalled)?,
            failed: unsigned("failed", found.failed)?,
            dead_letters: unsigned("dead_letters", found.dead_letters)?,
            paused_tenants: unsigned("paused_tenants", found.paused_tenants)?,
            all_paused: found.all_paused,
            pending_rows: u64::try_from(found.pending_rows).unwrap_or(0),
            oldest: seconds(found.oldest),
            without_progress: seconds(found.without_progress),
            oldest_success_csv: seconds(found.oldest_success_csv),
        })
    }
}
