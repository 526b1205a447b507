//! Sealed seeds of imports that are not completed: stored, sealed with another key, and checked by `doctor`.

use std::time::Duration;

use shared::contract::job::Mode;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{
    convert::{signed, unsigned},
    error::Error,
    import::{Import, State, load},
    pool::Db,
};
use crate::{message::ImportRef, secret::SealedSeed};

impl Db {
    /// Stores the seed of an attempt that has none yet and has created no user, so that no user's password is lost.
    pub async fn keep_seed(&self, import: ImportRef, sealed: &SealedSeed) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports i
                SET sealed_seed = $4, seal_key_id = $5, seed_attempt = attempt
              WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running' AND sealed_seed IS NULL
                AND NOT EXISTS (SELECT FROM imports.rows r
                                 WHERE r.import_id = $1 AND r.attempt = i.attempt AND r.outcome = 'created')",
            import.import_id,
            import.tenant_id.get(),
            signed("attempt", import.attempt)?,
            sealed.bytes,
            sealed.key_id,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// How many users a failed attempt has created: nobody has their passwords, which only its seed can make again. None in
    /// any other state.
    pub async fn undelivered_users(&self, import: &Import) -> Result<u32, Error> {
        undelivered_users(&mut *self.pool.acquire().await?, import).await
    }

    /// Destroys the seeds of imports that failed longer ago than this and that nobody has resumed; returns the imports.
    pub async fn destroy_old_seeds(&self, kept: Duration) -> Result<Vec<Uuid>, Error> {
        let destroyed = sqlx::query_scalar!(
            "UPDATE imports.imports SET sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL
              WHERE state = 'failed' AND sealed_seed IS NOT NULL
                AND finished_at < clock_timestamp() - make_interval(secs => $1)
             RETURNING import_id",
            kept.as_secs_f64(),
        );
        Ok(destroyed.fetch_all(&mut *self.pool.acquire().await?).await?)
    }

    /// The imports that hold a seed: those that run, and the failed ones.
    pub async fn sealed_imports(&self) -> Result<Vec<Import>, Error> {
        let import_ids =
            sqlx::query_scalar!("SELECT import_id FROM imports.imports WHERE sealed_seed IS NOT NULL")
                .fetch_all(&mut *self.pool.acquire().await?)
                .await?;
        load(&mut *self.pool.acquire().await?, &import_ids).await
    }

    /// Replaces the seed that the import was read with by the newly sealed one; `false` if it is no longer there, for
    /// example because the import is finished.
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
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(replaced.rows_affected() > 0)
    }
}

/// See [`Db::undelivered_users`].
pub(super) async fn undelivered_users(executor: impl PgExecutor<'_>, import: &Import) -> Result<u32, Error> {
    if import.state != State::Failed || import.job.mode == Mode::Validate {
        return Ok(0);
    }
    let count = sqlx::query_scalar!(
        r#"SELECT count(*)::integer AS "count!" FROM imports.rows
            WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND outcome = 'created'"#,
        import.job.import_id,
        import.job.tenant_id.get(),
        signed("attempt", import.attempt)?,
    );
    unsigned("created rows", count.fetch_one(executor).await?)
}
