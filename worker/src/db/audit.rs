//! The audit trail: who changed what, and why.

use uuid::Uuid;

use super::{convert::unsigned, error::Error, import::State, pool::Db};

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

/// An attempt that has ended and was followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedAttempt {
    /// Its number.
    pub attempt: u32,
    /// How it ended.
    pub state: State,
}

impl Db {
    /// The attempts of an import before its last one: the audit trail tells what was replayed, and how it had ended.
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
