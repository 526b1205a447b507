//! Sealed seeds that are open: for their rotation to another key, and for the check that every one can be opened.

use super::{Db, Error, Import, imports::load};
use crate::crypto::seal::SealedSeed;

impl Db {
    /// The imports that hold a seed: those that run, and the failed ones.
    pub async fn sealed_imports(&self) -> Result<Vec<Import>, Error> {
        let import_ids =
            sqlx::query_scalar!("SELECT import_id FROM imports.imports WHERE sealed_seed IS NOT NULL")
                .fetch_all(&self.pool)
                .await?;
        load(&self.pool, &import_ids).await
    }

    /// Puts the seed, sealed anew, in the place of the one that the import was read with; `false` if that is not there
    /// any more, because the import is over, say.
    pub async fn replace_seed(
        &self,
        import: &Import,
        old: &SealedSeed,
        new: &SealedSeed,
    ) -> Result<bool, Error> {
        let replaced = sqlx::query!(
            "UPDATE imports.imports SET sealed_seed = $4, seal_key_id = $5
              WHERE import_id = $1 AND tenant_id = $2 AND sealed_seed = $3",
            import.job.import_id,
            import.job.tenant_id.get(),
            old.bytes,
            new.bytes,
            new.key_id,
        )
        .execute(&self.pool)
        .await?;
        Ok(replaced.rows_affected() > 0)
    }
}
