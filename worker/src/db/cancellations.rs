//! Cancellations that the Dialer has asked for, until they are carried out.

use shared::contract::{Id, cancel::Cancel};
use uuid::Uuid;

use super::{error::Error, pool::Db};
use crate::message::ImportRef;

impl Db {
    /// Stores a request.
    pub async fn ask_cancellation(&self, asked: &Cancel) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO imports.cancellations (import_id, tenant_id, requested_by) VALUES ($1, $2, $3)
             ON CONFLICT DO NOTHING",
            asked.import_id,
            asked.tenant_id.get(),
            asked.requested_by,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Who asked for the cancellation of the import, if that is known; `None` if nobody did.
    pub async fn asked_cancellation(&self, import: ImportRef) -> Result<Option<Option<String>>, Error> {
        let asked = sqlx::query_scalar!(
            "SELECT requested_by FROM imports.cancellations WHERE import_id = $1 AND tenant_id = $2",
            import.import_id,
            import.tenant_id.get(),
        );
        Ok(asked.fetch_optional(&mut *self.pool.acquire().await?).await?)
    }

    /// Forgets a request that was carried out, or cannot be.
    pub async fn close_cancellation(&self, import_id: Uuid, tenant_id: Id) -> Result<(), Error> {
        sqlx::query!(
            "DELETE FROM imports.cancellations WHERE import_id = $1 AND tenant_id = $2",
            import_id,
            tenant_id.get(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
