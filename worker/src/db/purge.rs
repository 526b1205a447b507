//! Retention: deletes what is past its retention period. Only what is finished for good is touched: a failed import is
//! kept as long as it has a seed, because of the passwords that nobody has yet. And erasure: deletes all data of a
//! tenant.

use serde_json::json;
use shared::contract::{
    Id,
    job::{Job, Source},
};
use sqlx::types::Json;
use strum::IntoStaticStr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    audit::{Audit, record},
    convert::{signed, unsigned},
    error::Error,
    pool::Db,
};

/// Rows that one transaction of a purge deletes: it takes well under a second.
pub(super) const PURGED_AT_ONCE: i64 = 1000;

/// What is removed from an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Stage {
    /// Success CSVs, which hold passwords.
    #[strum(serialize = "success_csvs")]
    Success,
    /// Rows and error CSVs, which hold the file's personal data.
    Rows,
    /// The import itself, with its dead letters.
    #[strum(serialize = "imports")]
    Import,
    /// The same for an import that is to be erased, whether its passwords are delivered or not.
    #[strum(serialize = "erased_imports")]
    Erasure,
}

impl Stage {
    /// The name in the audit trail and in JSON.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An import from which something is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its last attempt; every one had reports of its own.
    pub attempt: u32,
    /// Rows that are still there.
    pub rows: u32,
    /// The uploaded file.
    pub source: Source,
}

impl Db {
    /// Imports that finished before the given time and still have what the stage removes.
    pub async fn expired_imports(
        &self,
        stage: Stage,
        before: OffsetDateTime,
        tenant_id: Option<Id>,
    ) -> Result<Vec<Expired>, Error> {
        let found = sqlx::query!(
            r#"SELECT import_id, tenant_id, attempt, job AS "job: Json<Job>", CASE WHEN rows_purged_at IS NULL THEN total ELSE 0 END AS "rows!"
                 FROM imports.imports
                WHERE (state IN ('completed', 'cancelled', 'rejected')
                       OR state = 'failed' AND ($1 = 'erased_imports' OR sealed_seed IS NULL))
                  AND finished_at < $2 AND ($3::bigint IS NULL OR tenant_id = $3)
                  AND CASE $1
                          WHEN 'success_csvs' THEN success_purged_at IS NULL AND planned_at IS NOT NULL
                          WHEN 'rows' THEN rows_purged_at IS NULL AND planned_at IS NOT NULL
                          ELSE true
                      END
                ORDER BY finished_at"#,
            stage.as_str(),
            before,
            tenant_id.map(Id::get),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let old = found.into_iter().map(|row| {
            Ok(Expired {
                import_id: row.import_id,
                tenant_id: Id::try_from(row.tenant_id).map_err(|error| Error::corrupt("tenant_id", error))?,
                attempt: unsigned("attempt", row.attempt)?,
                rows: unsigned("total", row.rows)?,
                source: row.job.0.source,
            })
        });
        old.collect()
    }

    /// How many failed imports are that old and still have a seed. They are kept until it is destroyed, or somebody replays
    /// or cancels them.
    pub async fn old_failures(&self, before: OffsetDateTime, tenant_id: Option<Id>) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.imports
                WHERE state = 'failed' AND sealed_seed IS NOT NULL AND finished_at < $1 AND ($2::bigint IS NULL OR tenant_id = $2)"#,
            before,
            tenant_id.map(Id::get),
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// How many imports of the tenant are under way.
    pub async fn under_way(&self, tenant_id: Id) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.imports
                WHERE state IN ('received', 'running') AND tenant_id = $1"#,
            tenant_id.get(),
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Whether this database role may delete imports, rows and dead letters.
    pub async fn may_purge(&self) -> Result<bool, Error> {
        let may = sqlx::query_scalar!(
            r#"SELECT has_table_privilege('imports.imports', 'DELETE') AND has_table_privilege('imports.rows', 'DELETE')
                      AND has_table_privilege('imports.dead_letters', 'DELETE') AS "may!""#
        );
        Ok(may.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Whether an import is still as it was when it was looked at, and has not been resumed since.
    pub async fn is_still_expired(&self, old: &Expired) -> Result<bool, Error> {
        let is_old = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM imports.imports
                               WHERE import_id = $1 AND attempt = $2 AND state NOT IN ('received', 'running')) AS "is_old!""#,
            old.import_id,
            signed("attempt", old.attempt)?,
        );
        Ok(is_old.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Removes what the stage removes in the database, with an entry in the audit trail; `false` if the import has been
    /// resumed since it was looked at.
    pub async fn purge(&self, stage: Stage, old: &Expired, audit: &Audit) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let (import_id, attempt) = (old.import_id, signed("attempt", old.attempt)?);
        let touched = match stage {
            Stage::Import | Stage::Erasure => sqlx::query!(
                "DELETE FROM imports.imports
                  WHERE import_id = $1 AND attempt = $2
                    AND (state IN ('completed', 'cancelled', 'rejected') OR state = 'failed' AND ($3 OR sealed_seed IS NULL))",
                import_id,
                attempt,
                stage == Stage::Erasure,
            )
            .execute(&mut *transaction)
            .await?
            .rows_affected(),
            Stage::Success | Stage::Rows => sqlx::query!(
                "UPDATE imports.imports
                    SET success_purged_at = CASE WHEN $3 THEN success_purged_at ELSE now() END,
                        rows_purged_at = CASE WHEN $3 THEN now() ELSE rows_purged_at END,
                        source_header = CASE WHEN $3 THEN NULL ELSE source_header END
                  WHERE import_id = $1 AND attempt = $2
                    AND (state IN ('completed', 'cancelled', 'rejected') OR state = 'failed' AND sealed_seed IS NULL)",
                import_id,
                attempt,
                stage == Stage::Rows,
            )
            .execute(&mut *transaction)
            .await?
            .rows_affected(),
        };
        if touched > 0 {
            if stage == Stage::Rows {
                sqlx::query!("DELETE FROM imports.rows WHERE import_id = $1", import_id)
                    .execute(&mut *transaction)
                    .await?;
            }
            if matches!(stage, Stage::Import | Stage::Erasure) {
                // Replayed later, they would import the file once more.
                sqlx::query!(
                    "DELETE FROM imports.dead_letters WHERE import_id = $1 AND tenant_id = $2",
                    import_id,
                    old.tenant_id.get(),
                )
                .execute(&mut *transaction)
                .await?;
            }
            let details = json!({ "removed": stage.as_str(), "attempts": old.attempt, "rows": old.rows });
            let about = (old.tenant_id.get(), import_id);
            record(&mut transaction, audit, Some(about), details).await?;
        }
        transaction.commit().await?;
        Ok(touched > 0)
    }

    /// How many entries of the audit trail are from before the given time.
    pub async fn old_audit_entries(&self, before: OffsetDateTime) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.audit WHERE at < $1"#,
            before
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Deletes entries of the audit trail from before the given time, but none of the last 90 days, and adds one that says
    /// so.
    pub async fn purge_audit(&self, before: OffsetDateTime, audit: &Audit) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let removed = sqlx::query_scalar!(r#"SELECT imports.purge_audit($1) AS "removed!""#, before)
            .fetch_one(&mut *transaction)
            .await?;
        let details = json!({ "removed": "audit", "entries": removed });
        record(&mut transaction, audit, None, details).await?;
        Ok(transaction.commit().await?)
    }

    /// How many requests to cancel imports whose jobs have not arrived are from before the given time.
    pub async fn old_cancellations(
        &self,
        before: OffsetDateTime,
        tenant_id: Option<Id>,
    ) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.cancellations
                WHERE asked_at < $1 AND ($2::bigint IS NULL OR tenant_id = $2)"#,
            before,
            tenant_id.map(Id::get),
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Deletes requests to cancel imports whose jobs have not arrived since, of one tenant or of all. They name who
    /// asked.
    pub async fn purge_cancellations(
        &self,
        before: OffsetDateTime,
        tenant_id: Option<Id>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM imports.cancellations
              WHERE asked_at < $1 AND ($2::bigint IS NULL OR tenant_id = $2)",
            before,
            tenant_id.map(Id::get),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// How many dead letters were replayed or discarded before the given time.
    pub async fn old_dead_letters(
        &self,
        before: OffsetDateTime,
        tenant_id: Option<Id>,
    ) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.dead_letters
                WHERE state <> 'open' AND closed_at < $1 AND ($2::bigint IS NULL OR tenant_id = $2)"#,
            before,
            tenant_id.map(Id::get),
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Deletes dead letters that were replayed or discarded before the given time: some at a time, each time with an entry
    /// in the audit trail.
    pub async fn purge_dead_letters(
        &self,
        before: OffsetDateTime,
        tenant_id: Option<Id>,
        audit: &Audit,
    ) -> Result<(), Error> {
        loop {
            let mut transaction = self.pool.begin().await?;
            let some = sqlx::query!(
                "DELETE FROM imports.dead_letters WHERE dead_letter_id IN (
                     SELECT dead_letter_id FROM imports.dead_letters
                      WHERE state <> 'open' AND closed_at < $1 AND ($2::bigint IS NULL OR tenant_id = $2)
                      LIMIT $3)",
                before,
                tenant_id.map(Id::get),
                PURGED_AT_ONCE,
            )
            .execute(&mut *transaction)
            .await?
            .rows_affected();
            if some == 0 {
                return Ok(transaction.rollback().await?);
            }
            let details = json!({ "removed": "dead_letters", "dead_letters": some });
            record(&mut transaction, audit, None, details).await?;
            transaction.commit().await?;
        }
    }

    /// Deletes all dead letters that name the tenant, with an entry in the audit trail that the tenant was erased.
    pub async fn erase_dead_letters(&self, tenant_id: Id, audit: &Audit) -> Result<u64, Error> {
        let mut transaction = self.pool.begin().await?;
        let removed = sqlx::query!(
            "DELETE FROM imports.dead_letters WHERE tenant_id = $1",
            tenant_id.get()
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        let details = json!({ "removed": "tenant", "tenant_id": tenant_id, "dead_letters": removed });
        record(&mut transaction, audit, None, details).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    /// Objects of the files that the tenant's administrators have uploaded through the console, except those of imports
    /// that are kept.
    pub async fn uploaded_objects(&self, tenant_id: Id) -> Result<Vec<String>, Error> {
        let keys = sqlx::query_scalar!(
            "SELECT source_key FROM console.uploads u
              WHERE tenant_id = $1
                AND NOT EXISTS (SELECT FROM imports.imports i WHERE i.import_id IN (u.import_id, u.check_id))",
            tenant_id.get()
        );
        Ok(keys.fetch_all(&mut *self.pool.acquire().await?).await?)
    }

    /// Removes what the console keeps of a tenant, except uploads of imports that are kept: uploads, mappings, and
    /// sessions, which thereby end.
    pub async fn erase_console(&self, tenant_id: Id) -> Result<(), Error> {
        let mut transaction = self.pool.begin().await?;
        let tenant_id = tenant_id.get();
        sqlx::query!(
            "DELETE FROM console.uploads u
              WHERE tenant_id = $1
                AND NOT EXISTS (SELECT FROM imports.imports i WHERE i.import_id IN (u.import_id, u.check_id))",
            tenant_id
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!("DELETE FROM console.mappings WHERE tenant_id = $1", tenant_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query!("DELETE FROM console.sessions WHERE tenant_id = $1", tenant_id)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}
