//! The audit trail: who changed what, and why.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    convert::unsigned,
    error::Error,
    import::State,
    page::{Page, Paging},
    pool::Db,
};

/// Who makes a change, and why.
#[derive(Debug, Clone)]
pub struct Audit {
    /// The command.
    pub command: &'static str,
    /// Who.
    pub operator: String,
    /// Why, if they said so.
    pub reason: Option<String>,
}

/// An entry of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// Its number: later entries have larger ones.
    pub audit_id: i64,
    /// When.
    pub at: OffsetDateTime,
    /// The log-in that made the change, as the database knows it.
    pub database_role: String,
    /// Who, as they said.
    pub operator: String,
    /// The command.
    pub command: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// The tenant concerned, if any.
    pub tenant_id: Option<i64>,
    /// The import concerned, if any.
    pub import_id: Option<Uuid>,
    /// What was changed: counts and identifiers.
    pub details: serde_json::Value,
}

/// Which entries are looked for; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of commands that begin with this: `dead` finds `dead replay` and `dead discard`.
    pub command: Option<String>,
    /// Of operators with this in their name.
    pub operator: Option<String>,
    /// About this import.
    pub import_id: Option<Uuid>,
}

/// An attempt that has ended and was followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedAttempt {
    /// Its number.
    pub attempt: u32,
    /// How it ended.
    pub state: State,
}

impl Db {
    /// The entries that the filter lets through, the newest first.
    pub async fn audit_entries(
        &self,
        filter: &AuditFilter,
        paging: Paging<i64>,
    ) -> Result<Page<AuditEntry, i64>, Error> {
        // PostgreSQL refuses such a text, and none that it stores can match.
        let texts = [&filter.command, &filter.operator];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Ok(paging.page(Vec::new(), |entry: &AuditEntry| entry.audit_id));
        }
        let entries = sqlx::query_as!(
            AuditEntry,
            "SELECT audit_id, at, database_role, operator, command, reason, tenant_id, import_id, details
               FROM imports.audit
              WHERE ($1::text IS NULL OR starts_with(command, lower($1)))
                AND ($2::text IS NULL OR strpos(lower(operator), lower($2)) > 0)
                AND ($3::uuid IS NULL OR import_id = $3)
                AND ($4::bigint IS NULL OR audit_id < $4)
              ORDER BY audit_id DESC
              LIMIT $5",
            filter.command,
            filter.operator,
            filter.import_id,
            paging.after,
            paging.one_more(),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(paging.page(entries, |entry| entry.audit_id))
    }

    /// The attempts of an import before its last one: the audit trail shows what was replayed, and how it had ended.
    pub async fn ended_attempts(&self, import_id: Uuid) -> Result<Vec<EndedAttempt>, Error> {
        let found = sqlx::query!(
            r#"SELECT DISTINCT ON (1) (details->>'attempt')::integer - 1 AS "attempt!", details->>'was' AS "state!"
                 FROM imports.audit
                WHERE import_id = $1 AND details->>'was' IN ('completed', 'rejected', 'failed', 'cancelled')
                  AND (details->>'attempt')::integer > 1
                ORDER BY 1, audit_id"#,
            import_id,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let attempts = found.into_iter().map(|row| {
            Ok(EndedAttempt {
                attempt: unsigned("attempt", row.attempt)?,
                state: row.state.parse().map_err(|error| Error::corrupt("was", error))?,
            })
        });
        attempts.collect()
    }

    /// Adds an entry about something that is not, or not only, in the database.
    pub async fn record(
        &self,
        audit: &Audit,
        import: Option<(i64, Uuid)>,
        details: serde_json::Value,
    ) -> Result<(), Error> {
        record(&mut *self.pool.acquire().await?, audit, import, details).await
    }
}

/// Adds an entry within a transaction.
pub(super) async fn record(
    connection: &mut sqlx::PgConnection,
    audit: &Audit,
    import: Option<(i64, Uuid)>,
    details: serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO imports.audit (operator, command, reason, tenant_id, import_id, details)
         VALUES ($1, $2, $3, $4, $5, $6)",
        audit.operator,
        audit.command,
        audit.reason,
        import.map(|(tenant_id, _)| tenant_id),
        import.map(|(_, import_id)| import_id),
        details,
    )
    .execute(connection)
    .await?;
    Ok(())
}
