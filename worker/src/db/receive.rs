//! A job becomes an import.

use shared::contract::job::Job;
use sqlx::types::Json;

use super::{
    convert::signed,
    error::Error,
    import::{Import, State, load},
    pool::Db,
    purged::{PurgedImport, is_refused},
    shards,
};
use crate::{fair::Shards, message::ImportRef};

/// The import of a job.
#[derive(Debug)]
pub enum Received {
    /// The import as it stands, and the shard for its plan.
    Import(Box<Import>, u16),
    /// It was purged.
    Purged(PurgedImport),
}

impl Db {
    /// Stores the job, if its import is new, and returns the import.
    pub async fn receive(&self, job: &Job, shards: Shards) -> Result<Received, Error> {
        let mut connection = self.pool.acquire().await?;
        // Two workers that choose at the same moment do not see each other's choice: then one import waits for a plan
        // or two of the other.
        let shard = shards::choose(&mut connection, job.tenant_id, shards, State::Received).await?;
        let new = sqlx::query!(
            "INSERT INTO imports.imports (import_id, tenant_id, job, shard) VALUES ($1, $2, $3, $4::integer)
             -- Names no index: there are two, and of two workers at once either may be the first to meet the other.
             ON CONFLICT DO NOTHING",
            job.import_id,
            job.tenant_id.get(),
            Json(job) as _,
            i32::from(shard),
        )
        .execute(&mut *connection)
        .await;
        let new = match new {
            Err(error) if is_refused(&error) => {
                drop(connection);
                let purged = self.find_purged(job.import_id).await?;
                return purged
                    .map(Received::Purged)
                    .ok_or_else(|| Error::corrupt("purged_imports", "the purged import is gone"));
            }
            new => new?,
        };
        if new.rows_affected() == 0 {
            // Its messages are about to be published again, and nothing else would tell the rescue.
            sqlx::query!(
                "UPDATE imports.imports
                    SET progress_at = greatest(progress_at, clock_timestamp()),
                        shard = CASE state WHEN 'received' THEN $3::integer ELSE shard END
                  WHERE import_id = $1 AND tenant_id = $2 AND state IN ('received', 'running')",
                job.import_id,
                job.tenant_id.get(),
                i32::from(shard),
            )
            .execute(&mut *connection)
            .await?;
        }
        let import = load(&mut *connection, &[job.import_id]).await?.pop();
        let import = import.ok_or_else(|| Error::corrupt("the import", "it was not stored"))?;
        Ok(Received::Import(Box::new(import), shard))
    }

    /// Begins a new attempt of an import that was rejected, unless somebody else has begun it; returns the import as it
    /// stands.
    pub async fn reopen_rejected(&self, rejected: ImportRef, shard: u16) -> Result<Import, Error> {
        let mut connection = self.pool.acquire().await?;
        sqlx::query!(
            "UPDATE imports.imports
                SET state = 'received', attempt = attempt + 1, shard = $4::integer, finished_at = NULL,
                    encoding = NULL, delimiter = NULL, tries = 0, last_error = NULL,
                    rejection_code = NULL, rejection_message = NULL, rejection_event_message = NULL
              WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'rejected'",
            rejected.import_id,
            rejected.tenant_id.get(),
            signed("attempt", rejected.attempt)?,
            i32::from(shard),
        )
        .execute(&mut *connection)
        .await?;
        let import = load(&mut *connection, &[rejected.import_id]).await?.pop();
        import.ok_or_else(|| Error::corrupt("the import", "it is gone"))
    }
}
