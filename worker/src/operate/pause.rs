//! Pauses by an operator: the imports of a tenant wait, or those of all tenants, until they are resumed.

use shared::contract::Id;

use super::error::Error;
use crate::db::{Audit, Db};

/// Pauses the imports of a tenant, or all imports; `false` if they are paused already.
pub async fn pause(db: &Db, tenant_id: Option<Id>, audit: &Audit) -> Result<bool, Error> {
    // A mistyped ID would pause nobody, and be believed to have paused somebody.
    if let Some(tenant_id) = tenant_id
        && !db.has_tenant(tenant_id).await?
    {
        return Err(Error::UnknownTenant(tenant_id));
    }
    Ok(db.pause(tenant_id, audit).await?)
}

/// Ends that pause; `false` if there is none.
pub async fn resume(db: &Db, tenant_id: Option<Id>, audit: &Audit) -> Result<bool, Error> {
    Ok(db.resume(tenant_id, audit).await?)
}
