//! Which workers are running: each reports every few seconds, and the pages of operators show it.

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;

use super::{
    audit::{Audit, record},
    error::Error,
    page::{Page, Paging},
    pool::Db,
};

/// A worker reports every ten seconds that it is running. One that is silent for this long hangs, is cut off, or was
/// killed.
const SILENT: time::Duration = time::Duration::minutes(1);

/// One that is silent for this long is late.
const LATE: time::Duration = time::Duration::seconds(15);

/// What a worker reports about itself.
#[derive(Debug, Clone, Copy)]
pub struct Beat<'a> {
    /// Its name, as in its log and metrics.
    pub name: &'a str,
    /// Version of its program.
    pub version: &'a str,
    /// How long it has run.
    pub up: Duration,
    /// What it is doing, as text.
    pub stage: &'a str,
    /// Messages that it holds and works on.
    pub in_hand: i32,
}

/// A worker as it last reported.
#[derive(Debug, Clone)]
pub struct SeenWorker {
    /// Its name.
    pub name: String,
    /// Version of its program.
    pub version: String,
    /// When it started.
    pub started_at: OffsetDateTime,
    /// When it was last heard of.
    pub beat_at: OffsetDateTime,
    /// What it was doing then.
    pub stage: String,
    /// Messages that it held then.
    pub in_hand: i32,
    /// What time it is at the database, whose clock the other times are by.
    pub now: OffsetDateTime,
}

impl SeenWorker {
    /// Whether its next report is overdue.
    pub fn is_late(&self) -> bool {
        self.now - self.beat_at >= LATE
    }

    /// Whether it has not been heard of for a long time.
    pub fn is_silent(&self) -> bool {
        self.now - self.beat_at >= SILENT
    }
}

impl Db {
    /// Records that a worker is running.
    pub async fn beat(&self, beat: &Beat<'_>) -> Result<(), Error> {
        sqlx::query!(
            "SELECT imports.beat($1, $2, $3, $4, $5)",
            beat.name,
            beat.version,
            beat.up.as_secs_f64(),
            beat.stage,
            beat.in_hand,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Forgets a worker that has stopped.
    pub async fn leave(&self, name: &str) -> Result<(), Error> {
        sqlx::query!("SELECT imports.leave($1)", name)
            .execute(&mut *self.pool.acquire().await?)
            .await?;
        Ok(())
    }

    /// The workers that were heard of within a day, by name.
    pub async fn workers(&self, paging: Paging<String>) -> Result<Page<SeenWorker, String>, Error> {
        let workers = sqlx::query_as!(
            SeenWorker,
            r#"SELECT name, version, started_at, beat_at, stage, in_hand, clock_timestamp() AS "now!"
                 FROM imports.workers
                WHERE beat_at > clock_timestamp() - interval '1 day'
                  AND ($1::text IS NULL OR name > $1)
                ORDER BY name
                LIMIT $2"#,
            paging.after,
            paging.one_more(),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(paging.page(workers, |worker| worker.name.clone()))
    }

    /// How many workers have not been heard of for a day.
    pub async fn old_workers(&self) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.workers
                WHERE beat_at <= clock_timestamp() - interval '1 day'"#
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Forgets these, with an entry in the audit trail.
    pub async fn purge_workers(&self, audit: &Audit) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let removed =
            sqlx::query!("DELETE FROM imports.workers WHERE beat_at <= clock_timestamp() - interval '1 day'")
                .execute(&mut *transaction)
                .await?
                .rows_affected();
        let details = json!({ "removed": "workers", "workers": removed });
        record(&mut transaction, audit, None, details).await?;
        Ok(transaction.commit().await?)
    }
}
