//! Planning: what the tenant has, looked up under the tenant's lock, and all rows of an import, written at once.

use shared::{
    assess::{AssessedRow, Assessment, TenantSnapshot},
    contract::{
        Id,
        event::{FileFormat, Summary},
        job::Mode,
    },
    file::SourceFile,
    rejection::Rejection,
    row::Lookups,
};
use sqlx::{PgTransaction, types::Json};
use uuid::Uuid;

use super::{
    convert::{signed, to_json, unsigned},
    error::Error,
    import::Import,
    lookup,
    pool::Db,
    row_record::RowRecord,
    tenant_lock::lock_tenant,
};
use crate::{message::ImportRef, secret::SealedSeed};

/// A transaction that holds the tenant's lock while an import is planned.
#[derive(Debug)]
pub struct PlanningTransaction {
    pub(super) transaction: PgTransaction<'static>,
    pub(super) tenant_id: Id,
    pub(super) import_id: Uuid,
    pub(super) attempt: u32,
}

/// What planning leaves behind.
#[derive(Debug)]
pub struct Planned<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// Positions of the columns that have a name and are not mapped, from 1.
    pub ignored_columns: Vec<usize>,
    /// The assessment of each of its rows.
    pub rows: &'a [AssessedRow],
    /// The sealed seed of the passwords, if there will be any.
    pub sealed_seed: Option<SealedSeed>,
}

impl Db {
    /// Whether the Dialer knows the tenant.
    pub async fn tenant_exists(&self, tenant_id: Id) -> Result<bool, Error> {
        let exists = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM dialer.tenants WHERE tenant_id = $1) AS "exists!""#,
            tenant_id.get(),
        );
        Ok(exists.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Rejects an attempt of an import that was not planned yet; `false` if it has ended.
    pub async fn reject(
        &self,
        import: ImportRef,
        rejection: &Rejection,
        format: Option<FileFormat>,
    ) -> Result<bool, Error> {
        let rejected = sqlx::query!(
            "UPDATE imports.imports
                SET state = 'rejected', rejection_code = $2, rejection_message = $3,
                    encoding = $4, delimiter = $5, rejection_event_message = $6, finished_at = now()
              WHERE import_id = $1 AND tenant_id = $7 AND attempt = $8 AND state = 'received'",
            import.import_id,
            rejection.code.as_str(),
            rejection.message,
            format.as_ref().map(|format| format.encoding.as_str()),
            format.as_ref().map(|format| format.delimiter.as_str()),
            rejection.event_message,
            import.tenant_id.get(),
            signed("attempt", import.attempt)?,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(rejected.rows_affected() > 0)
    }

    /// Numbers of the rows without an outcome, in order.
    pub async fn pending_rows(&self, import: ImportRef) -> Result<Vec<u32>, Error> {
        let numbers = sqlx::query_scalar!(
            "SELECT row_number FROM imports.rows
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending'
              ORDER BY row_number",
            import.import_id,
            import.tenant_id.get(),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        numbers
            .into_iter()
            .map(|number| unsigned("row_number", number))
            .collect()
    }

    /// Begins to plan an import. `None` if it is not waiting to be planned any more: somebody else was quicker.
    pub async fn begin_planning(&self, import: &Import) -> Result<Option<PlanningTransaction>, Error> {
        let job = &import.job;
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, job.tenant_id).await?;
        let waiting = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM imports.imports
                               WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'received')
                      AS "waiting!""#,
            job.import_id,
            job.tenant_id.get(),
            signed("attempt", import.attempt)?,
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(waiting.then_some(PlanningTransaction {
            transaction,
            tenant_id: job.tenant_id,
            import_id: job.import_id,
            attempt: import.attempt,
        }))
    }
}

impl PlanningTransaction {
    /// Which of the things that the file and the job name the tenant has.
    pub async fn look_up(&mut self, lookups: &Lookups) -> Result<TenantSnapshot, Error> {
        lookup::tenant_snapshot(&mut self.transaction, self.tenant_id, self.import_id, lookups).await
    }

    /// Ends the transaction without a plan.
    pub async fn abandon(self) -> Result<(), Error> {
        Ok(self.transaction.rollback().await?)
    }

    /// Writes all rows with their outcomes, and the counters, and commits. Returns the counts of outcomes.
    pub async fn commit(mut self, planned: Planned<'_>, mode: Mode) -> Result<Summary, Error> {
        let rows = planned
            .rows
            .iter()
            .map(|row| RowRecord::of(row, mode))
            .collect::<Vec<_>>();
        let keys: Vec<Uuid> = planned
            .rows
            .iter()
            .map(|row| idempotency_key(self.import_id, row.row))
            .collect();
        let cells = planned
            .file
            .records
            .iter()
            .zip(planned.rows)
            // A row that is done no longer needs its cells; one that `validate` mode would create is done.
            .map(|(record, row)| match (mode, &row.assessment) {
                (Mode::Validate, Assessment::Valid(_)) => to_json("source_cells", &[]),
                _ => to_json("source_cells", &record.cells),
            });
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        if cells.len() != rows.len() {
            // UNNEST would pad the shorter array with NULL.
            return Err(Error::corrupt(
                "the plan",
                format!("{} rows of {} records", rows.len(), cells.len()),
            ));
        }
        let count = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
        let [total, pending, created, duplicates, errors] = [
            rows.len(),
            count("pending"),
            count("created"),
            count("duplicate"),
            count("error"),
        ]
        .map(|count| u32::try_from(count).unwrap_or(u32::MAX));

        sqlx::query!(
            "INSERT INTO imports.rows (import_id, tenant_id, attempt, idempotency_key, source_cells,
                                       row_number, line, outcome, problems, username, username_key, email,
                                       virtual_extension, extension_generated, first_name, last_name, pbx_device, sip_uri,
                                       role_ids, desk_ids, skill_group_ids, tag_ids)
             SELECT $1, $2, $6, given.idempotency_key, given.source_cells, planned.*
               FROM jsonb_to_recordset($3) AS planned (
                        row_number integer, line integer, outcome text, problems jsonb, username text, username_key text,
                        email text, virtual_extension text, extension_generated boolean, first_name text, last_name text,
                        pbx_device text, sip_uri text, role_ids bigint[], desk_ids bigint[], skill_group_ids bigint[],
                        tag_ids bigint[])
               JOIN unnest($4::uuid[], $5::bytea[]) WITH ORDINALITY AS given (idempotency_key, source_cells, row_number)
                 ON given.row_number = planned.row_number",
            self.import_id,
            self.tenant_id.get(),
            Json(rows) as _,
            &keys,
            &cells,
            signed("attempt", self.attempt)?,
        )
        .execute(&mut *self.transaction)
        .await?;
        let ignored_columns = planned.ignored_columns.iter();
        let ignored_columns: Vec<i32> = ignored_columns
            .map(|&number| i32::try_from(number).unwrap_or(i32::MAX))
            .collect();
        sqlx::query!(
            "UPDATE imports.imports
                SET state = 'running', shard = NULL, planned_at = now(), encoding = $2, delimiter = $3, source_header = $4,
                    total = $5, pending = $6, created = $7, duplicates = $8, errors = $9,
                    sealed_seed = $10, seal_key_id = $11, seed_attempt = $12, ignored_rows = $13, ignored_columns = $14
              WHERE import_id = $1",
            self.import_id,
            planned.file.encoding.as_str(),
            planned.file.delimiter.as_str(),
            to_json("source_header", &planned.file.header.names)?,
            signed("total", total)?,
            signed("pending", pending)?,
            signed("created", created)?,
            signed("duplicates", duplicates)?,
            signed("errors", errors)?,
            planned.sealed_seed.as_ref().map(|sealed| sealed.bytes.as_slice()),
            planned.sealed_seed.as_ref().map(|sealed| sealed.key_id.as_str()),
            planned
                .sealed_seed
                .as_ref()
                .map(|_| signed("attempt", self.attempt))
                .transpose()?,
            i32::try_from(planned.file.ignored_rows).unwrap_or(i32::MAX),
            &ignored_columns,
        )
        .execute(&mut *self.transaction)
        .await?;
        self.transaction.commit().await?;
        Ok(Summary {
            total,
            created,
            duplicates,
            errors,
            cancelled: 0,
        })
    }
}

/// The key that makes a row one user, however often it is handled.
fn idempotency_key(import_id: Uuid, row: u32) -> Uuid {
    Uuid::new_v5(&import_id, row.to_string().as_bytes())
}
