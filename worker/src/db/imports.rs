//! The import itself: its state, its counters, what happened to it as a whole.

use std::time::Duration;

use shared::{
    contract::{Id, event::Summary, job::Job},
    file::{Delimiter, Encoding},
    rejection::{Rejection, RejectionCode},
};
use sqlx::{PgExecutor, types::Json};
use strum::{EnumString, IntoStaticStr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Db, Error, Shards, lock_tenant, shards, unsigned};
use crate::{
    crypto::seal::{Owner, SealedSeed},
    message::DeadReason,
};

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// The job is known.
    Received,
    /// All rows are known.
    Running,
    /// Every row has its outcome, both reports are in storage.
    Completed,
    /// Refused as a whole.
    Rejected,
    /// Given up, until an operator replays it.
    Failed,
    /// Stopped by an operator.
    Cancelled,
}

impl State {
    /// The name in the database and in `status`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An import as it stands.
#[derive(Debug, Clone)]
pub struct Import {
    /// The job as published.
    pub job: Job,
    /// Where it stands.
    pub state: State,
    /// 1 for the first run, one more for each replay.
    pub attempt: u32,
    /// Encoding and delimiter, once the file was read.
    pub format: Option<(Encoding, Delimiter)>,
    /// Counts of outcomes.
    pub summary: Summary,
    /// Rows without an outcome.
    pub pending: u32,
    /// Why it was refused.
    pub rejection: Option<Rejection>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// How often one of its messages was put off after an error.
    pub retry_count: u32,
    /// How often its job was published again because its messages were lost.
    pub rescues: u32,
    /// The last such error.
    pub last_error: Option<String>,
    /// The shard where its plan waits; none while it is planned; then the shard where its batches wait.
    pub shard: Option<u16>,
    /// The sealed seed of the passwords of this attempt.
    pub sealed_seed: Option<SealedSeed>,
    /// The attempt that the seed was sealed for: an earlier one, if that failed before its passwords were delivered.
    pub seed_attempt: u32,
    /// When a worker first took the job.
    pub received_at: OffsetDateTime,
    /// When all rows had been validated.
    pub planned_at: Option<OffsetDateTime>,
    /// When the state became final.
    pub finished_at: Option<OffsetDateTime>,
    /// When a purge deleted the success CSVs.
    pub success_purged_at: Option<OffsetDateTime>,
    /// When a purge deleted rows and error CSVs.
    pub rows_purged_at: Option<OffsetDateTime>,
}

impl Import {
    /// The last error, unless the import has come to its end in spite of it.
    pub fn trouble(&self) -> Option<&str> {
        match self.state {
            State::Completed | State::Cancelled | State::Rejected => None,
            State::Received | State::Running | State::Failed => self.last_error.as_deref(),
        }
    }

    /// Whom the seed is sealed for.
    pub const fn seed_owner(&self) -> Owner {
        Owner {
            import_id: self.job.import_id,
            tenant_id: self.job.tenant_id,
            attempt: self.seed_attempt,
        }
    }
}

impl Db {
    /// Keeps the job, if its import is new, and returns the import as it stands, and the shard for its plan.
    pub async fn receive(&self, job: &Job, shards: Shards) -> Result<(Import, u16), Error> {
        let mut connection = self.pool.acquire().await?;
        // Two that choose at the same moment do not see each other: then one waits for a plan or two of the other.
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
        .await?;
        if new.rows_affected() == 0 {
            // Its messages are about to be published anew, and nothing else would tell the sweep.
            sqlx::query!(
                "UPDATE imports.imports
                    SET progress_at = greatest(progress_at, clock_timestamp())
                  WHERE import_id = $1 AND tenant_id = $2 AND state IN ('received', 'running')",
                job.import_id,
                job.tenant_id.get(),
            )
            .execute(&mut *connection)
            .await?;
        }
        let import = load(&mut *connection, &[job.import_id]).await?.pop();
        let import = import.ok_or_else(|| Error::corrupt("the import", "it was not stored"))?;
        Ok((import, shard))
    }

    /// The import as it stands.
    pub async fn find(&self, import_id: Uuid) -> Result<Option<Import>, Error> {
        Ok(load(&self.pool, &[import_id]).await?.pop())
    }

    /// Whether the Dialer knows the tenant.
    pub async fn tenant_exists(&self, tenant_id: Id) -> Result<bool, Error> {
        let exists = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM dialer.tenants WHERE tenant_id = $1) AS "exists!""#,
            tenant_id.get(),
        );
        Ok(exists.fetch_one(&self.pool).await?)
    }

    /// Refuses an import that was not planned yet.
    pub async fn reject(
        &self,
        import_id: Uuid,
        rejection: &Rejection,
        format: Option<(Encoding, Delimiter)>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports
                SET state = 'rejected', rejection_code = $2, rejection_message = $3,
                    encoding = $4, delimiter = $5, finished_at = now()
              WHERE import_id = $1 AND state = 'received'",
            import_id,
            rejection.code.as_str(),
            rejection.message,
            format.map(|(encoding, _)| encoding.as_str()),
            format.map(|(_, delimiter)| delimiter.as_str()),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives an unfinished import up. Rows and seed stay, so that a replay can go on.
    pub async fn fail(
        &self,
        tenant_id: Id,
        import_id: Uuid,
        reason: DeadReason,
        error: &str,
    ) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        // A batch that is being settled comes before or after, so that the event tells of all its users.
        lock_tenant(&mut transaction, tenant_id).await?;
        sqlx::query!(
            "UPDATE imports.imports
                SET state = 'failed', failure_reason = $3, last_error = $4, finished_at = now()
              WHERE import_id = $1 AND tenant_id = $2 AND state IN ('received', 'running')",
            import_id,
            tenant_id.get(),
            reason.as_str(),
            error,
        )
        .execute(&mut *transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// Remembers that a message of the import was put off for a while, for operators to see, and for the sweep not to
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
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Numbers of the rows without an outcome, in order.
    pub async fn pending_rows(&self, tenant_id: Id, import_id: Uuid) -> Result<Vec<u32>, Error> {
        let numbers = sqlx::query_scalar!(
            "SELECT row_number FROM imports.rows
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending'
              ORDER BY row_number",
            import_id,
            tenant_id.get(),
        )
        .fetch_all(&self.pool)
        .await?;
        numbers
            .into_iter()
            .map(|number| unsigned("row_number", number))
            .collect()
    }
}

/// The imports with these IDs that there are, the newest first.
pub(super) async fn load(executor: impl PgExecutor<'_>, import_ids: &[Uuid]) -> Result<Vec<Import>, Error> {
    let found = sqlx::query!(
        r#"SELECT job AS "job: Json<Job>", state, attempt, encoding, delimiter,
                  total, pending, created, duplicates, errors, cancelled,
                  rejection_code, rejection_message, failure_reason, tries, sweeps, last_error, shard,
                  sealed_seed, seal_key_id, coalesce(seed_attempt, attempt) AS "seed_attempt!",
                  received_at, planned_at, finished_at, success_purged_at, rows_purged_at
             FROM imports.imports
            WHERE import_id = ANY($1)
            ORDER BY received_at DESC, import_id"#,
        import_ids,
    )
    .fetch_all(executor)
    .await?;
    let imports = found.into_iter().map(|row| {
        Ok(Import {
            job: row.job.0,
            state: row
                .state
                .parse()
                .map_err(|error| Error::corrupt("state", error))?,
            attempt: unsigned("attempt", row.attempt)?,
            format: row
                .encoding
                .zip(row.delimiter)
                .map(|(encoding, delimiter)| format(&encoding, &delimiter))
                .transpose()?,
            summary: Summary {
                total: unsigned("total", row.total)?,
                created: unsigned("created", row.created)?,
                duplicates: unsigned("duplicates", row.duplicates)?,
                errors: unsigned("errors", row.errors)?,
                cancelled: unsigned("cancelled", row.cancelled)?,
            },
            pending: unsigned("pending", row.pending)?,
            rejection: row
                .rejection_code
                .zip(row.rejection_message)
                .map(|(code, text)| rejection(&code, text))
                .transpose()?,
            failure_reason: row.failure_reason,
            retry_count: unsigned("tries", row.tries)?,
            rescues: unsigned("sweeps", row.sweeps)?,
            last_error: row.last_error,
            shard: row.shard.and_then(|shard| shard.try_into().ok()),
            sealed_seed: row
                .sealed_seed
                .zip(row.seal_key_id)
                .map(|(bytes, key_id)| SealedSeed { key_id, bytes }),
            seed_attempt: unsigned("seed_attempt", row.seed_attempt)?,
            received_at: row.received_at,
            planned_at: row.planned_at,
            finished_at: row.finished_at,
            success_purged_at: row.success_purged_at,
            rows_purged_at: row.rows_purged_at,
        })
    });
    imports.collect()
}

fn format(encoding: &str, delimiter: &str) -> Result<(Encoding, Delimiter), Error> {
    let encoding = encoding
        .parse()
        .map_err(|error| Error::corrupt("encoding", error))?;
    let delimiter = delimiter
        .parse()
        .map_err(|error| Error::corrupt("delimiter", error))?;
    Ok((encoding, delimiter))
}

fn rejection(code: &str, message: String) -> Result<Rejection, Error> {
    let code: RejectionCode = code
        .parse()
        .map_err(|error| Error::corrupt("rejection_code", error))?;
    Ok(Rejection { code, message })
}
