//! What the reports and the completion event are made of.

use std::collections::BTreeMap;

use shared::{
    contract::{
        Id,
        event::{AttemptReports, MAX_PROBLEMS, ReportKeys, RowProblem},
    },
    outcome::Outcome,
    problem::{Code, Problem},
};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    convert::{from_json, signed, unsigned},
    error::Error,
    import::Import,
    pool::Db,
    row::Row,
};
use crate::message::ImportRef;

/// A row that became a user; in `validate` mode one that would have.
#[derive(Debug, Clone)]
pub struct CreatedRow {
    /// Its number.
    pub row: u32,
    /// The user.
    pub user_id: Option<i64>,
    /// Login name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Virtual extension.
    pub virtual_extension: String,
    /// When the user's temporary password expires.
    pub password_expires_at: Option<OffsetDateTime>,
}

impl Db {
    /// Rows that this attempt created, in row order.
    pub async fn created_rows(&self, import: &Import) -> Result<Vec<CreatedRow>, Error> {
        let ImportRef {
            import_id,
            tenant_id,
            attempt,
        } = import.reference();
        let rows = sqlx::query!(
            r#"SELECT r.row_number, r.user_id, coalesce(r.username, '') AS "username!", coalesce(r.email, '') AS "email!",
                      coalesce(r.virtual_extension, '') AS "virtual_extension!",
                      u.password_expires_at AS "password_expires_at?"
                 FROM imports.rows r
                 LEFT JOIN dialer.users u ON u.tenant_id = r.tenant_id AND u.user_id = r.user_id
                WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.attempt = $3 AND r.outcome = 'created'
                ORDER BY r.row_number"#,
            import_id,
            tenant_id.get(),
            signed("attempt", attempt)?,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let rows = rows.into_iter().map(|row| {
            Ok(CreatedRow {
                row: unsigned("row_number", row.row_number)?,
                user_id: row.user_id,
                username: row.username,
                email: row.email,
                virtual_extension: row.virtual_extension,
                password_expires_at: row.password_expires_at,
            })
        });
        rows.collect()
    }

    /// The names of the file's columns.
    pub async fn source_header(&self, import: &Import) -> Result<Vec<String>, Error> {
        let header = sqlx::query_scalar!(
            r#"SELECT source_header AS "source_header!" FROM imports.imports WHERE import_id = $1 AND tenant_id = $2"#,
            import.job.import_id,
            import.job.tenant_id.get(),
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        from_json("source_header", &header)
    }

    /// The header of the file, and the rows that were not created, in row order.
    pub async fn refused_rows(&self, import: &Import) -> Result<(Vec<String>, Vec<Row>), Error> {
        let header = self.source_header(import).await?;
        let refused = [Outcome::Duplicate, Outcome::Error, Outcome::Cancelled];
        let (import_id, tenant_id) = (import.job.import_id, import.job.tenant_id);
        Ok((header, self.rows(tenant_id, import_id, &refused).await?))
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

    /// How many problems the rows have, by their codes.
    pub async fn problem_counts(&self, import: ImportRef) -> Result<BTreeMap<Code, u32>, Error> {
        let counts = sqlx::query!(
            r#"SELECT problem ->> 'code' AS "code!", count(*)::integer AS "count!"
                 FROM imports.rows CROSS JOIN LATERAL jsonb_array_elements(problems) AS problem
                WHERE import_id = $1 AND tenant_id = $2 AND problems <> '[]'
                GROUP BY 1"#,
            import.import_id,
            import.tenant_id.get(),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let counts = counts.into_iter().map(|found| {
            let code = found
                .code
                .parse()
                .map_err(|error| Error::corrupt("code", error))?;
            Ok((code, unsigned("count", found.count)?))
        });
        counts.collect()
    }

    /// The attempts so far that wrote reports, in their order.
    pub async fn reported_attempts(&self, import: ImportRef) -> Result<Vec<AttemptReports>, Error> {
        let attempts = sqlx::query!(
            r#"SELECT attempt, created, success_key AS "success_key!", errors_key AS "errors_key!", problems_key
                 FROM imports.attempts
                WHERE import_id = $1 AND tenant_id = $2 AND attempt <= $3
                  AND success_key IS NOT NULL AND errors_key IS NOT NULL
                ORDER BY attempt"#,
            import.import_id,
            import.tenant_id.get(),
            signed("attempt", import.attempt)?,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let attempts = attempts.into_iter().map(|found| {
            Ok(AttemptReports {
                attempt: unsigned("attempt", found.attempt)?,
                created: unsigned("created", found.created)?,
                reports: ReportKeys {
                    success: found.success_key,
                    errors: found.errors_key,
                    problems: found.problems_key,
                },
            })
        });
        attempts.collect()
    }

    /// Ends an attempt whose reports are in storage, and destroys its password seed; `false` if it has ended before. It is
    /// `completed`, or `cancelled` if a cancellation left rows undone.
    pub async fn complete(&self, import: &Import, reports: &ReportKeys) -> Result<bool, Error> {
        let completed = sqlx::query!(
            "UPDATE imports.imports
                SET state = CASE WHEN cancelled > 0 THEN 'cancelled' ELSE 'completed' END, finished_at = now(),
                    success_key = $4, errors_key = $5, problems_key = $6, sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL,
                    passwords_expire_at = (
                        SELECT min(u.password_expires_at) FROM imports.rows r
                          JOIN dialer.users u ON u.tenant_id = r.tenant_id AND u.user_id = r.user_id
                         WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.attempt = $3 AND r.outcome = 'created')
              WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running' AND pending = 0",
            import.job.import_id,
            import.job.tenant_id.get(),
            signed("attempt", import.attempt)?,
            reports.success,
            reports.errors,
            reports.problems,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(completed.rows_affected() > 0)
    }
}
