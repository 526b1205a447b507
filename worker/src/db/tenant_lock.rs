//! The lock that every writer of a tenant's rows or users holds until the commit: otherwise two imports of the same
//! names, in different order, would deadlock on each other's index entries.

use shared::contract::Id;
use sqlx::PgConnection;

/// Namespace of the tenants' advisory locks, so that other users of the database do not collide with them by chance.
const TENANT_LOCK: &str = "user-import tenant ";

/// Waits for the tenant's lock and holds it until the end of the transaction.
pub(super) async fn lock_tenant(connection: &mut PgConnection, tenant_id: Id) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("{TENANT_LOCK}{tenant_id}")
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}
