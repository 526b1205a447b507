//! What a page that follows imports polls, in one query for all of them, and what it says before that.

use shared::contract::Id;
use uuid::Uuid;

use crate::message::ImportRef;

use super::{
    convert::unsigned,
    error::Error,
    import::{Import, State},
    pool::Db,
};

/// The progress of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The import.
    pub import_id: Uuid,
    /// Whose it is.
    pub tenant_id: i64,
    /// Its state.
    pub state: State,
    /// Its attempt.
    pub attempt: u32,
    /// Rows of the file.
    pub total: u32,
    /// Rows without an outcome.
    pub pending: u32,
    /// Rows that became users.
    pub created: u32,
    /// Rows whose user already exists.
    pub duplicates: u32,
    /// Rows that need fixing.
    pub errors: u32,
    /// Whether one of its messages is delayed after an error.
    pub is_delayed: bool,
    /// Whether an operator has paused it.
    pub is_paused: bool,
}

impl Db {
    /// The progress of these imports; those that no worker has taken yet are not in the answer.
    pub async fn progress(&self, import_ids: &[Uuid]) -> Result<Vec<Progress>, Error> {
        let found = sqlx::query!(
            r#"SELECT import_id, tenant_id, state, attempt, total, pending, created, duplicates, errors,
                      progress_at > clock_timestamp() AND last_error IS NOT NULL AND delayed_since IS NOT NULL AS "is_delayed!",
                      state IN ('received', 'running') AND EXISTS (
                          SELECT FROM imports.pauses p
                           WHERE p.resumed_at IS NULL AND (p.tenant_id IS NULL OR p.tenant_id = i.tenant_id)) AS "is_paused!"
                 FROM imports.imports i WHERE import_id = ANY($1)"#,
            import_ids,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let progress = found.into_iter().map(|row| {
            Ok(Progress {
                import_id: row.import_id,
                tenant_id: row.tenant_id,
                state: row
                    .state
                    .parse()
                    .map_err(|error| Error::corrupt("state", error))?,
                attempt: unsigned("attempt", row.attempt)?,
                total: unsigned("total", row.total)?,
                pending: unsigned("pending", row.pending)?,
                created: unsigned("created", row.created)?,
                duplicates: unsigned("duplicates", row.duplicates)?,
                errors: unsigned("errors", row.errors)?,
                is_delayed: row.is_delayed,
                is_paused: row.is_paused,
            })
        });
        progress.collect()
    }

    /// An import of this tenant. The only query by which a tenant's administrator gets an import.
    pub async fn find_of(&self, tenant_id: Id, import_id: Uuid) -> Result<Option<Import>, Error> {
        let found = self.find(import_id).await?;
        Ok(found.filter(|import| import.job.tenant_id == tenant_id))
    }

    /// How often the success CSV of an import's attempt was downloaded.
    pub async fn success_downloads(&self, import: ImportRef, command: &str) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.audit
                WHERE import_id = $1 AND command = $2 AND (details ->> 'attempt')::bigint = $3"#,
            import.import_id,
            command,
            i64::from(import.attempt),
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(count)
    }

    /// Users per second that the last imports created, each by itself, and how many rows wait ahead of a new one.
    /// `None` if nothing was imported lately.
    pub async fn pace(&self) -> Result<(Option<f64>, u64), Error> {
        let found = sqlx::query!(
            r#"SELECT (SELECT sum(created) / nullif(sum(extract(epoch FROM finished_at - planned_at)), 0)
                         FROM (SELECT created, finished_at, planned_at FROM imports.imports
                                WHERE received_at > now() - interval '7 days' AND state = 'completed' AND created > 0
                                  AND job ->> 'mode' = 'import' AND attempt = 1
                                ORDER BY received_at DESC LIMIT 20) AS lately)::double precision AS rows_per_second,
                      (SELECT coalesce(sum(pending), 0) FROM imports.imports
                        WHERE state IN ('received', 'running'))::bigint AS "waiting!""#,
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok((
            found.rows_per_second.filter(|rows| *rows > 0.0),
            u64::try_from(found.waiting).unwrap_or(0),
        ))
    }
}
