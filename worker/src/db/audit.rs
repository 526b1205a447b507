//! The audit trail: who changed what, and why.

use uuid::Uuid;

use super::{error::Error, pool::Db};

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

impl Db {
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
