//! Pauses: an operator makes the imports of a tenant wait, or those of all tenants.

use std::fmt;

use serde_json::json;
use shared::contract::Id;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    audit::{Audit, record},
    error::Error,
    pool::Db,
};

/// A pause in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Whose imports wait; `None` is everybody's.
    pub tenant_id: Option<Id>,
    /// Since when.
    pub since: OffsetDateTime,
    /// Who paused.
    pub by: String,
    /// Why, if they said so.
    pub reason: Option<String>,
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenant_id {
            Some(tenant_id) => write!(f, "tenant {tenant_id}")?,
            None => f.write_str("all tenants")?,
        }
        let since = self.since.truncate_to_second();
        let since = since.format(&Rfc3339).map_err(|_| fmt::Error)?;
        write!(f, " since {since} by {}", self.by)?;
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl Db {
    /// The pauses in force: that of all tenants, then the oldest first; 1,000 at most.
    pub async fn pauses(&self) -> Result<Vec<Pause>, Error> {
        let found = sqlx::query!(
            "SELECT tenant_id, paused_at, paused_by, reason FROM imports.pauses
              WHERE resumed_at IS NULL ORDER BY tenant_id IS NOT NULL, pause_id LIMIT 1000"
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let pauses = found.into_iter().map(|row| {
            let tenant_id = row.tenant_id.map(Id::try_from).transpose();
            Ok(Pause {
                tenant_id: tenant_id.map_err(|error| Error::corrupt("tenant_id", error))?,
                since: row.paused_at,
                by: row.paused_by,
                reason: row.reason,
            })
        });
        pauses.collect()
    }

    /// Pauses the imports of a tenant, or all imports; `false` if they are paused already.
    pub async fn pause(&self, tenant_id: Option<Id>, audit: &Audit) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let begun = sqlx::query!(
            "INSERT INTO imports.pauses (tenant_id, paused_by, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            tenant_id.map(Id::get),
            audit.operator,
            audit.reason,
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if begun > 0 {
            record(&mut transaction, audit, None, json!({ "tenant_id": tenant_id })).await?;
        }
        transaction.commit().await?;
        Ok(begun > 0)
    }

    /// Ends that pause; `false` if there is none.
    pub async fn resume(&self, tenant_id: Option<Id>, audit: &Audit) -> Result<bool, Error> {
        let mut transaction = self.pool.begin().await?;
        let ended = sqlx::query!(
            "UPDATE imports.pauses SET resumed_at = clock_timestamp(), resumed_by = $2
              WHERE resumed_at IS NULL AND coalesce(tenant_id, 0) = coalesce($1::bigint, 0)",
            tenant_id.map(Id::get),
            audit.operator,
        )
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if ended > 0 {
            record(&mut transaction, audit, None, json!({ "tenant_id": tenant_id })).await?;
        }
        transaction.commit().await?;
        Ok(ended > 0)
    }

    /// Whether the Dialer has such a tenant.
    pub async fn has_tenant(&self, tenant_id: Id) -> Result<bool, Error> {
        let found = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM dialer.tenants WHERE tenant_id = $1) AS "found!""#,
            tenant_id.get(),
        );
        Ok(found.fetch_one(&mut *self.pool.acquire().await?).await?)
    }
}
