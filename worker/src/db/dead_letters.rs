//! Dead letters as operators list, replay and discard them, a page at a time.

use schemars::JsonSchema;
use serde::Deserialize;
use shared::contract::Id;
use strum::{EnumString, IntoStaticStr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    audit::Audit,
    error::Error,
    import::State,
    page::{Page, Paging},
    pool::Db,
};
use crate::message::DeadReason;

/// What was done with a dead letter.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum DeadState {
    /// Nothing yet.
    Open,
    /// It was published again, or its import resumed.
    Replayed,
    /// It was discarded.
    Discarded,
}

impl DeadState {
    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Which dead letters are looked for; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct DeadFilter {
    /// This one.
    pub dead_letter_id: Option<i64>,
    /// In this state.
    pub state: Option<DeadState>,
    /// Set aside for this reason.
    pub reason: Option<DeadReason>,
    /// With an error that begins like this, in as many characters as groups show; without an error, if this is empty.
    pub error: Option<String>,
    /// Of this tenant.
    pub tenant_id: Option<Id>,
    /// Of this import.
    pub import_id: Option<Uuid>,
    /// Only those whose import is completed, cancelled or rejected by now.
    pub over: bool,
    /// Set aside before.
    pub before: Option<OffsetDateTime>,
    /// Set aside since.
    pub since: Option<OffsetDateTime>,
}

/// How many dead letters there are, and the number of the last: one that comes later has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadCount {
    /// How many.
    pub count: i64,
    /// How many of them are cut.
    pub cut: i64,
    /// The largest number; 0 if there is none.
    pub last_id: i64,
}

/// A dead letter as operators see it, without its body.
#[derive(Debug, Clone)]
pub struct StoredDeadLetter {
    /// Its number.
    pub dead_letter_id: i64,
    /// When it was set aside.
    pub set_aside_at: OffsetDateTime,
    /// Why.
    pub reason: String,
    /// The last error.
    pub error: Option<String>,
    /// Routing key with which the message was published.
    pub origin: String,
    /// The import that the message names.
    pub import_id: Option<Uuid>,
    /// The tenant that it names.
    pub tenant_id: Option<i64>,
    /// The attempt that it names.
    pub attempt: Option<i64>,
    /// How often it had been tried again before.
    pub retry_count: i64,
    /// The message's ID, if its publisher gave it one.
    pub message_id: Option<String>,
    /// Size of the message.
    pub size_bytes: i64,
    /// Whether only the beginning of the message was kept, so that it cannot be replayed.
    pub is_cut: bool,
    /// What was done with it.
    pub state: DeadState,
    /// When it was replayed or discarded.
    pub closed_at: Option<OffsetDateTime>,
    /// Who did that.
    pub closed_by: Option<String>,
    /// Where the import stands, if there is one and it is this tenant's.
    pub import_state: Option<State>,
}

impl Db {
    /// How many dead letters the filter lets through.
    pub async fn count_dead_letters(&self, filter: &DeadFilter) -> Result<DeadCount, Error> {
        let found = sqlx::query!(
            r#"SELECT count(*) AS "count!", count(*) FILTER (WHERE octet_length(d.body) < d.size_bytes) AS "cut!",
                      coalesce(max(d.dead_letter_id), 0) AS "last_id!"
                 FROM imports.dead_letters d
                 LEFT JOIN imports.imports i ON i.import_id = d.import_id AND i.tenant_id = d.tenant_id
                WHERE ($1::bigint IS NULL OR d.dead_letter_id = $1)
                  AND ($2::text IS NULL OR d.state = $2)
                  AND ($3::text IS NULL OR d.reason = $3)
                  AND ($4::bigint IS NULL OR d.tenant_id = $4)
                  AND ($5::uuid IS NULL OR d.import_id = $5)
                  AND (NOT $6 OR i.state IN ('completed', 'cancelled', 'rejected'))
                  AND ($7::timestamptz IS NULL OR d.set_aside_at < $7)
                  AND ($8::timestamptz IS NULL OR d.set_aside_at >= $8)
                  AND ($9::text IS NULL OR coalesce(left(d.error, 200), '') = $9)"#,
            filter.dead_letter_id,
            filter.state.map(DeadState::as_str),
            filter.reason.map(DeadReason::as_str),
            filter.tenant_id.map(Id::get),
            filter.import_id,
            filter.over,
            filter.before,
            filter.since,
            filter.error,
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(DeadCount {
            count: found.count,
            cut: found.cut,
            last_id: found.last_id,
        })
    }

    /// A page of the dead letters that the filter lets through, the oldest first.
    pub async fn dead_letters(
        &self,
        filter: &DeadFilter,
        paging: Paging<i64>,
    ) -> Result<Page<StoredDeadLetter, i64>, Error> {
        let found = sqlx::query!(
            r#"SELECT d.dead_letter_id, d.set_aside_at, d.reason, d.error, d.origin, d.import_id, d.tenant_id, d.attempt,
                      d.retry_count, d.message_id, d.size_bytes, octet_length(d.body) < d.size_bytes AS "is_cut!",
                      d.state, d.closed_at, d.closed_by, i.state AS "import_state?"
                 FROM imports.dead_letters d
                 LEFT JOIN imports.imports i ON i.import_id = d.import_id AND i.tenant_id = d.tenant_id
                WHERE ($1::bigint IS NULL OR d.dead_letter_id = $1)
                  AND ($2::text IS NULL OR d.state = $2)
                  AND ($3::text IS NULL OR d.reason = $3)
                  AND ($4::bigint IS NULL OR d.tenant_id = $4)
                  AND ($5::uuid IS NULL OR d.import_id = $5)
                  AND (NOT $6 OR i.state IN ('completed', 'cancelled', 'rejected'))
                  AND ($7::timestamptz IS NULL OR d.set_aside_at < $7)
                  AND ($8::timestamptz IS NULL OR d.set_aside_at >= $8)
                  AND ($9::text IS NULL OR coalesce(left(d.error, 200), '') = $9)
                  AND d.dead_letter_id > $10
                ORDER BY d.dead_letter_id
                LIMIT $11"#,
            filter.dead_letter_id,
            filter.state.map(DeadState::as_str),
            filter.reason.map(DeadReason::as_str),
            filter.tenant_id.map(Id::get),
            filter.import_id,
            filter.over,
            filter.before,
            filter.since,
            filter.error,
            paging.after.unwrap_or(0),
            paging.one_more(),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let letters = found.into_iter().map(|row| {
            Ok(StoredDeadLetter {
                dead_letter_id: row.dead_letter_id,
                set_aside_at: row.set_aside_at,
                reason: row.reason,
                error: row.error,
                origin: row.origin,
                import_id: row.import_id,
                tenant_id: row.tenant_id,
                attempt: row.attempt,
                retry_count: row.retry_count,
                message_id: row.message_id,
                size_bytes: row.size_bytes,
                is_cut: row.is_cut,
                state: row
                    .state
                    .parse()
                    .map_err(|error| Error::corrupt("state", error))?,
                closed_at: row.closed_at,
                closed_by: row.closed_by,
                import_state: row
                    .import_state
                    .map(|state| state.parse().map_err(|error| Error::corrupt("state", error)))
                    .transpose()?,
            })
        });
        let letters = letters.collect::<Result<Vec<_>, Error>>()?;
        Ok(paging.page(letters, |letter| letter.dead_letter_id))
    }

    /// This dead letter, if it is in this state.
    pub async fn dead_letter(
        &self,
        dead_letter_id: i64,
        state: Option<DeadState>,
    ) -> Result<Option<StoredDeadLetter>, Error> {
        let filter = DeadFilter {
            dead_letter_id: Some(dead_letter_id),
            state,
            ..DeadFilter::default()
        };
        Ok(self.dead_letters(&filter, Paging::first(1)).await?.items.pop())
    }

    /// The message, or its beginning.
    pub async fn dead_letter_body(&self, dead_letter_id: i64) -> Result<Option<Vec<u8>>, Error> {
        let body = sqlx::query_scalar!(
            "SELECT body FROM imports.dead_letters WHERE dead_letter_id = $1",
            dead_letter_id
        );
        Ok(body.fetch_optional(&mut *self.pool.acquire().await?).await?)
    }

    /// Records what was done with dead letters, each with an entry in the audit trail, and returns those that were open
    /// until then.
    pub async fn close_dead_letters(
        &self,
        dead_letter_ids: &[i64],
        state: DeadState,
        audit: &Audit,
    ) -> Result<Vec<i64>, Error> {
        self.close(dead_letter_ids, state, audit, true).await
    }

    /// The same without the entry: for a dead letter whose import was resumed, which has one.
    pub async fn close_taken_up(&self, dead_letter_id: i64, audit: &Audit) -> Result<(), Error> {
        self.close(&[dead_letter_id], DeadState::Replayed, audit, false)
            .await?;
        Ok(())
    }

    async fn close(
        &self,
        dead_letter_ids: &[i64],
        state: DeadState,
        audit: &Audit,
        write_entry: bool,
    ) -> Result<Vec<i64>, Error> {
        // One statement is one transaction.
        let closed = sqlx::query_scalar!(
            r#"WITH closed AS (
                   UPDATE imports.dead_letters SET state = $2, closed_at = now(), closed_by = $3
                    WHERE dead_letter_id = ANY ($1) AND state = 'open'
                RETURNING dead_letter_id, message_id, reason, error, origin, tenant_id, import_id
               ), audited AS (
                   INSERT INTO imports.audit (operator, command, reason, tenant_id, import_id, details)
                   SELECT $3, $4, $5, tenant_id, import_id,
                          jsonb_build_object('dead_letter_id', dead_letter_id, 'message_id', message_id,
                                             'reason', reason, 'error', error, 'origin', origin)
                     FROM closed WHERE $6 ORDER BY dead_letter_id
               )
               SELECT dead_letter_id FROM closed"#,
            dead_letter_ids,
            state.as_str(),
            audit.operator,
            audit.command,
            audit.reason,
            write_entry,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(closed)
    }
}
