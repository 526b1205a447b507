//! What operators change: an import, held under its tenant's lock, goes in; its new state and an entry in the audit
//! trail come out of one transaction.

use shared::{
    assess::{AssessedRow, TenantSnapshot},
    row::Lookups,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    audit::{Audit, record},
    convert::{from_json, signed},
    error::Error,
    import::{Import, State, load},
    plan::PlanningTransaction,
    pool::Db,
    row::{Row, load_rows},
    row_record::RowRecord,
    seeds::undelivered_users,
    tenant_lock::lock_tenant,
};

/// An import that nobody else can change until the end of the transaction: workers write rows under the tenant's lock,
/// and the import's own row is locked too.
#[derive(Debug)]
pub struct LockedImport {
    planning: PlanningTransaction,
    import: Import,
}

impl Db {
    /// Locks an import; `None` if there is no such import.
    pub async fn lock_import(&self, import_id: Uuid) -> Result<Option<LockedImport>, Error> {
        let Some(import) = self.find(import_id).await? else {
            return Ok(None);
        };
        let tenant_id = import.job.tenant_id;
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, tenant_id).await?;
        sqlx::query!(
            r#"SELECT 1 AS "locked!" FROM imports.imports WHERE import_id = $1 FOR UPDATE"#,
            import_id
        )
        .fetch_optional(&mut *transaction)
        .await?;
        // It may have changed before the lock was taken.
        let import = load(&mut *transaction, &[import_id]).await?.pop();
        Ok(import.map(|import| LockedImport {
            planning: PlanningTransaction {
                transaction,
                tenant_id,
                import_id,
                attempt: import.attempt,
            },
            import,
        }))
    }
}

impl LockedImport {
    /// The import as it stands.
    pub const fn import(&self) -> &Import {
        &self.import
    }

    /// Gives all pending rows the outcome `cancelled`; an import that is not planned yet ends at once.
    pub async fn cancel(&mut self) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.rows SET outcome = 'cancelled'
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending'",
            self.planning.import_id,
            self.planning.tenant_id.get(),
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        sqlx::query!(
            "UPDATE imports.imports
                SET state = CASE state WHEN 'received' THEN 'cancelled' ELSE state END,
                    finished_at = CASE state WHEN 'received' THEN now() ELSE finished_at END,
                    cancelled = cancelled + pending, pending = 0
              WHERE import_id = $1",
            self.planning.import_id,
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        self.reload().await
    }

    /// Users whose passwords nobody has yet, see [`Db::undelivered_users`].
    pub async fn undelivered_users(&mut self) -> Result<u32, Error> {
        undelivered_users(&mut *self.planning.transaction, &self.import).await
    }

    /// Makes cancelled rows pending again.
    pub async fn uncancel(&mut self) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.rows SET outcome = 'pending'
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'cancelled'",
            self.planning.import_id,
            self.planning.tenant_id.get(),
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        sqlx::query!(
            "UPDATE imports.imports SET pending = pending + cancelled, cancelled = 0 WHERE import_id = $1",
            self.planning.import_id,
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        self.reload().await
    }

    /// Begins a new attempt. Rows keep their outcomes, cancelled ones too; an import without rows is planned again.
    ///
    /// The users of a failed attempt move on to the new one together with its seed, because nobody has their passwords
    /// yet. With `abandon_passwords`, or without a seed to make the passwords of, they are left behind.
    pub async fn reopen(&mut self, abandon_passwords: bool) -> Result<(), Error> {
        let keeps_seed =
            self.import.state == State::Failed && self.import.sealed_seed.is_some() && !abandon_passwords;
        if keeps_seed {
            sqlx::query!(
                "UPDATE imports.rows SET attempt = attempt + 1
                  WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'created' AND attempt = $3",
                self.planning.import_id,
                self.planning.tenant_id.get(),
                signed("attempt", self.import.attempt)?,
            )
            .execute(&mut *self.planning.transaction)
            .await?;
        }
        sqlx::query!(
            "UPDATE imports.imports
                SET state = CASE WHEN planned_at IS NULL THEN 'received' ELSE 'running' END, shard = NULL,
                    attempt = attempt + 1, finished_at = NULL,
                    rejection_code = NULL, rejection_message = NULL, rejection_event_message = NULL, failure_reason = NULL, tries = 0, last_error = NULL,
                    success_key = NULL, errors_key = NULL, success_purged_at = NULL, passwords_expire_at = NULL,
                    sealed_seed = CASE WHEN $2 THEN sealed_seed END,
                    seal_key_id = CASE WHEN $2 THEN seal_key_id END,
                    seed_attempt = CASE WHEN $2 THEN coalesce(seed_attempt, attempt) END
              WHERE import_id = $1",
            self.planning.import_id,
            keeps_seed,
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        self.reload().await
    }

    /// The header of the file and all its rows, in order.
    pub async fn stored_rows(&mut self) -> Result<(Vec<String>, Vec<Row>), Error> {
        let header = sqlx::query_scalar!(
            r#"SELECT source_header AS "source_header!" FROM imports.imports WHERE import_id = $1"#,
            self.planning.import_id,
        )
        .fetch_one(&mut *self.planning.transaction)
        .await?;
        let (tenant_id, import_id) = (self.planning.tenant_id, self.planning.import_id);
        let rows = load_rows(&mut *self.planning.transaction, tenant_id, import_id, &[]).await?;
        Ok((from_json("source_header", &header)?, rows))
    }

    /// Which of the things that the rows and the job name the tenant has.
    pub async fn look_up(&mut self, lookups: &Lookups) -> Result<TenantSnapshot, Error> {
        self.planning.look_up(lookups).await
    }

    /// Writes new assessments of rows, and counts all rows again.
    pub async fn write_assessments(&mut self, rows: &[&AssessedRow]) -> Result<(), Error> {
        let records: Vec<RowRecord<'_>> = rows
            .iter()
            .map(|row| RowRecord::of(row, self.import.job.mode))
            .collect();
        sqlx::query!(
            "UPDATE imports.rows r
                SET attempt = $3, outcome = anew.outcome, problems = anew.problems, username = anew.username,
                    username_key = anew.username_key, email = anew.email, virtual_extension = anew.virtual_extension,
                    extension_generated = anew.extension_generated, first_name = anew.first_name,
                    last_name = anew.last_name, pbx_device = anew.pbx_device, sip_uri = anew.sip_uri,
                    role_ids = anew.role_ids, desk_ids = anew.desk_ids, skill_group_ids = anew.skill_group_ids,
                    tag_ids = anew.tag_ids
               FROM jsonb_to_recordset($4) AS anew (
                        row_number integer, outcome text, problems jsonb, username text, username_key text, email text,
                        virtual_extension text, extension_generated boolean, first_name text, last_name text,
                        pbx_device text, sip_uri text, role_ids bigint[], desk_ids bigint[], skill_group_ids bigint[],
                        tag_ids bigint[])
              WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.row_number = anew.row_number",
            self.planning.import_id,
            self.planning.tenant_id.get(),
            signed("attempt", self.import.attempt)?,
            Json(records) as _,
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        sqlx::query!(
            "UPDATE imports.imports i
                SET pending = counted.pending, created = counted.created, duplicates = counted.duplicates,
                    errors = counted.errors, cancelled = counted.cancelled
               FROM (SELECT count(*) FILTER (WHERE outcome = 'pending')::integer AS pending,
                            count(*) FILTER (WHERE outcome = 'created')::integer AS created,
                            count(*) FILTER (WHERE outcome = 'duplicate')::integer AS duplicates,
                            count(*) FILTER (WHERE outcome = 'error')::integer AS errors,
                            count(*) FILTER (WHERE outcome = 'cancelled')::integer AS cancelled
                       FROM imports.rows WHERE import_id = $1) AS counted
              WHERE i.import_id = $1",
            self.planning.import_id,
        )
        .execute(&mut *self.planning.transaction)
        .await?;
        self.reload().await
    }

    /// Leaves everything as it was.
    pub async fn abandon(self) -> Result<(), Error> {
        self.planning.abandon().await
    }

    /// Adds the entry to the audit trail, commits, and returns the import as it stands now.
    pub async fn commit(mut self, audit: &Audit, details: serde_json::Value) -> Result<Import, Error> {
        let about = (self.planning.tenant_id.get(), self.planning.import_id);
        record(&mut self.planning.transaction, audit, Some(about), details).await?;
        self.planning.transaction.commit().await?;
        Ok(self.import)
    }

    async fn reload(&mut self) -> Result<(), Error> {
        let import_id = self.planning.import_id;
        self.import = load(&mut *self.planning.transaction, &[import_id])
            .await?
            .pop()
            .ok_or_else(|| Error::corrupt("the import", "it is gone"))?;
        Ok(())
    }
}
