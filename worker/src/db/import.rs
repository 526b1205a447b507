//! The import as it stands: its state, its counters, what happened to it as a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    contract::{
        event::{FileFormat, Summary},
        job::Job,
    },
    rejection::{Rejection, RejectionCode},
};
use sqlx::{PgExecutor, types::Json};
use strum::{EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{convert::unsigned, error::Error, pool::Db};
use crate::{message::ImportRef, secret::SealedSeed};

/// The state of an import.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The job is known.
    Received,
    /// All rows are known.
    Running,
    /// Every row has its outcome, the reports are in storage.
    Completed,
    /// Rejected as a whole.
    Rejected,
    /// Failed, until an operator replays it.
    Failed,
    /// Stopped by an operator or by the Dialer.
    Cancelled,
}

impl State {
    /// The name in the database and in `status`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the attempt has ended. A replay begins another one.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Received | Self::Running => false,
            Self::Completed | Self::Rejected | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// An import as it stands.
#[derive(Debug, Clone)]
pub struct Import {
    /// The job as published.
    pub job: Job,
    /// Its state.
    pub state: State,
    /// 1 for the first run, one more for each replay.
    pub attempt: u32,
    /// How the file was read, once it was.
    pub format: Option<FileFormat>,
    /// Counts of outcomes.
    pub summary: Summary,
    /// Rows without an outcome.
    pub pending: u32,
    /// Why it was rejected.
    pub rejection: Option<Rejection>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// How often one of its messages was retried after an error.
    pub retry_count: u32,
    /// How often its job was published again because its messages were lost.
    pub rescues: u32,
    /// The error of the last retry, or the one that it failed with.
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
    /// When the first of the passwords in the success CSV expires.
    pub passwords_expire_at: Option<OffsetDateTime>,
    /// When a purge deleted the success CSVs.
    pub success_purged_at: Option<OffsetDateTime>,
    /// When a purge deleted rows and error CSVs.
    pub rows_purged_at: Option<OffsetDateTime>,
    /// Whether an operator has paused it, by a pause of its tenant or of all.
    pub is_paused: bool,
}

impl Import {
    /// The last error, unless the import has ended in spite of it.
    pub fn trouble(&self) -> Option<&str> {
        match self.state {
            State::Completed | State::Cancelled | State::Rejected => None,
            State::Received | State::Running | State::Failed => self.last_error.as_deref(),
        }
    }

    /// Whether it was cancelled, and nothing of it has been resumed since. Its reports may not be written yet.
    pub const fn is_cancelled(&self) -> bool {
        match self.state {
            State::Cancelled => true,
            State::Running => self.summary.cancelled > 0 && self.pending == 0,
            State::Received | State::Completed | State::Rejected | State::Failed => false,
        }
    }

    /// Its ID, tenant and attempt.
    pub const fn reference(&self) -> ImportRef {
        ImportRef {
            import_id: self.job.import_id,
            tenant_id: self.job.tenant_id,
            attempt: self.attempt,
        }
    }

    /// Whom the seed is sealed for.
    pub const fn seed_owner(&self) -> ImportRef {
        ImportRef {
            attempt: self.seed_attempt,
            ..self.reference()
        }
    }
}

impl Db {
    /// The import as it stands.
    pub async fn find(&self, import_id: Uuid) -> Result<Option<Import>, Error> {
        Ok(load(&mut *self.pool.acquire().await?, &[import_id]).await?.pop())
    }
}

/// Those of the imports with these IDs that exist, the newest first.
pub(super) async fn load(executor: impl PgExecutor<'_>, import_ids: &[Uuid]) -> Result<Vec<Import>, Error> {
    let found = sqlx::query!(
        r#"SELECT job AS "job: Json<Job>", state, attempt, encoding, delimiter,
                  total, pending, created, duplicates, errors, cancelled,
                  ignored_rows, ignored_columns, rejection_code, rejection_message, rejection_event_message, failure_reason, tries, sweeps, last_error, shard,
                  sealed_seed, seal_key_id, coalesce(seed_attempt, attempt) AS "seed_attempt!",
                  received_at, planned_at, finished_at, passwords_expire_at, success_purged_at, rows_purged_at,
                  EXISTS (SELECT FROM imports.pauses
                           WHERE resumed_at IS NULL AND coalesce(pauses.tenant_id, 0) IN (0, imports.tenant_id))
                      AS "is_paused!"
             FROM imports.imports
            WHERE import_id = ANY($1)
            ORDER BY received_at DESC, import_id DESC"#,
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
                .map(|(encoding, delimiter)| {
                    format(&encoding, &delimiter, row.ignored_rows, row.ignored_columns)
                })
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
                .map(|(code, text)| rejection(&code, text, row.rejection_event_message))
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
            passwords_expire_at: row.passwords_expire_at,
            success_purged_at: row.success_purged_at,
            rows_purged_at: row.rows_purged_at,
            is_paused: row.is_paused,
        })
    });
    imports.collect()
}

fn format(
    encoding: &str,
    delimiter: &str,
    ignored_rows: Option<i32>,
    ignored_columns: Option<Vec<i32>>,
) -> Result<FileFormat, Error> {
    let encoding = encoding
        .parse()
        .map_err(|error| Error::corrupt("encoding", error))?;
    let delimiter = delimiter
        .parse()
        .map_err(|error| Error::corrupt("delimiter", error))?;
    let columns = |numbers: Vec<i32>| -> Result<Vec<u32>, Error> {
        let numbers = numbers
            .into_iter()
            .map(|number| unsigned("ignored_columns", number));
        numbers.collect()
    };
    Ok(FileFormat {
        encoding,
        delimiter,
        ignored_rows: ignored_rows
            .map(|rows| unsigned("ignored_rows", rows))
            .transpose()?,
        ignored_columns: ignored_columns.map(columns).transpose()?,
    })
}

fn rejection(code: &str, message: String, event_message: Option<String>) -> Result<Rejection, Error> {
    let code: RejectionCode = code
        .parse()
        .map_err(|error| Error::corrupt("rejection_code", error))?;
    Ok(Rejection {
        code,
        message,
        event_message,
    })
}
