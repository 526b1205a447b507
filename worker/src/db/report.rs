//! What the reports and the completion event are made of.

use shared::{
    contract::{
        Id,
        event::{MAX_PROBLEMS, ReportKeys, RowProblem},
    },
    outcome::Outcome,
    problem::Problem,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    convert::{from_json, signed, unsigned},
    error::Error,
    import::Import,
    pool::Db,
};

/// A row that became a user, or would have.
#[derive(Debug, Clone)]
pub struct CreatedRow {
    /// Its number.
    pub row: u32,
    /// The user; `None` in `validate` mode.
    pub user_id: Option<i64>,
    /// Login name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Virtual extension.
    pub virtual_extension: String,
}

/// A row that did not become a user.
#[derive(Debug, Clone)]
pub struct RefusedRow {
    /// Its number.
    pub row: u32,
    /// Where it begins in the file.
    pub line: u32,
    /// Why it was not created.
    pub outcome: Outcome,
    /// Its cells as they were.
    pub cells: Vec<String>,
    /// All its problems.
    pub problems: Vec<Problem>,
}

impl Db {
    /// Rows that this attempt created, in row order.
    pub async fn created_rows(&self, import: &Import) -> Result<Vec<CreatedRow>, Error> {
        let rows = sqlx::query!(
            r#"SELECT row_number, user_id, username AS "username!", email AS "email!",
                      virtual_extension AS "virtual_extension!"
                 FROM imports.rows
                WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'created' AND attempt = $3
                ORDER BY row_number"#,
            import.job.import_id,
            import.job.tenant_id.get(),
            signed("attempt", import.attempt)?,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(CreatedRow {
                    row: unsigned("row_number", row.row_number)?,
                    user_id: row.user_id,
                    username: row.username,
                    email: row.email,
                    virtual_extension: row.virtual_extension,
                })
            })
            .collect()
    }

    /// Rows that were not created, in row order, and the header of the file.
    pub async fn refused_rows(&self, import: &Import) -> Result<(Vec<String>, Vec<RefusedRow>), Error> {
        let (import_id, tenant_id) = (import.job.import_id, import.job.tenant_id.get());
        let header = sqlx::query_scalar!(
            r#"SELECT source_header AS "source_header!" FROM imports.imports WHERE import_id = $1 AND tenant_id = $2"#,
            import_id,
            tenant_id,
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        let rows = sqlx::query!(
            r#"SELECT row_number, line, outcome, source_cells, problems AS "problems: Json<Vec<Problem>>"
                 FROM imports.rows
                WHERE import_id = $1 AND tenant_id = $2 AND outcome IN ('duplicate', 'error', 'cancelled')
                ORDER BY row_number"#,
            import_id,
            tenant_id,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let refused = rows.into_iter().map(|row| {
            Ok(RefusedRow {
                row: unsigned("row_number", row.row_number)?,
                line: unsigned("line", row.line)?,
                outcome: row
                    .outcome
                    .parse()
                    .map_err(|error| Error::corrupt("outcome", error))?,
                cells: from_json("source_cells", &row.source_cells)?,
                problems: row.problems.0,
            })
        });
        Ok((
            from_json("source_header", &header)?,
            refused.collect::<Result<_, Error>>()?,
        ))
    }

    /// The first problems in row order, as many as an event names.
    pub async fn first_problems(&self, tenant_id: Id, import_id: Uuid) -> Result<Vec<RowProblem>, Error> {
        let rows = sqlx::query!(
            r#"SELECT row_number, line, problems AS "problems: Json<Vec<Problem>>"
                 FROM imports.rows
                WHERE import_id = $1 AND tenant_id = $2 AND problems <> '[]'
                ORDER BY row_number
                LIMIT $3"#,
            import_id,
            tenant_id.get(),
            i64::try_from(MAX_PROBLEMS).unwrap_or(i64::MAX),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let mut problems = Vec::with_capacity(MAX_PROBLEMS);
        for found in rows {
            let (row, line) = (
                unsigned("row_number", found.row_number)?,
                unsigned("line", found.line)?,
            );
            let of_row = found.problems.0.into_iter();
            problems.extend(of_row.map(|problem| RowProblem {
                row,
                line,
                field: problem.field,
                code: problem.code,
            }));
        }
        problems.truncate(MAX_PROBLEMS);
        Ok(problems)
    }

    /// Ends an attempt whose reports are in storage, and destroys its password seed. It is `completed`, or `cancelled`
    /// if a cancellation left rows undone.
    pub async fn complete(&self, import: &Import, reports: &ReportKeys) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports
                SET state = CASE WHEN cancelled > 0 THEN 'cancelled' ELSE 'completed' END, finished_at = now(),
                    success_key = $4, errors_key = $5, sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL
              WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running' AND pending = 0",
            import.job.import_id,
            import.job.tenant_id.get(),
            signed("attempt", import.attempt)?,
            reports.success,
            reports.errors,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
