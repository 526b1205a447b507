//! When a worker could not reach a server. Only for people who look at an import that made no progress during that
//! time.

use std::time::Instant;

use super::{error::Error, pool::Db};

/// An outage that is over, as a worker saw it.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// What was unavailable: `database` or `broker`.
    pub server: &'static str,
    /// When the worker noticed.
    pub began: Instant,
    /// When it worked again.
    pub ended: Instant,
}

impl Db {
    /// Records an outage.
    pub async fn note_outage(&self, worker: &str, outage: &Outage) -> Result<(), Error> {
        sqlx::query!(
            "SELECT imports.note_outage($1, $2, $3, $4)",
            worker,
            outage.server,
            outage.began.elapsed().as_secs_f64(),
            outage.ended.elapsed().as_secs_f64(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}
