//! Which shard an import waits in: the one with the least work of other tenants.

use std::time::Duration;

use shared::contract::Id;
use sqlx::{PgConnection, PgTransaction};

use super::{
    convert::signed,
    error::Error,
    import::{Import, State},
    pool::Db,
};
use crate::{fair::Shards, policy::SHARD_LEFT_ALONE};

/// How often, and at what interval, the lock for choosing is tried. A worker that chooses holds it for milliseconds.
const LOCK_TRIES: usize = 20;
const LOCK_TRY_INTERVAL: Duration = Duration::from_millis(10);

impl Db {
    /// The shard of the batches of a running import, chosen when it is first asked for, and again when it is silent.
    /// Also tells the rescue that they are about to be published, perhaps again.
    pub async fn assign_shard(&self, import: &Import, shards: Shards) -> Result<u16, Error> {
        let tenant_id = import.job.tenant_id;
        let mut transaction = self.pool.begin().await?;
        let silent = silent(&mut transaction).await?;
        let chosen = match import.shard {
            Some(shard) if !silent.contains(&i32::from(shard)) => shard,
            _ => {
                choose_one_at_a_time(&mut transaction).await?;
                choose(&mut transaction, tenant_id, shards, State::Running).await?
            }
        };
        let shard = sqlx::query_scalar!(
            r#"UPDATE imports.imports
                  SET shard = CASE WHEN shard = ANY ($5::integer[]) THEN $4 ELSE coalesce(shard, $4::integer) END, progress_at = greatest(progress_at, clock_timestamp())
                WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3
               RETURNING shard::integer AS "shard!""#,
            import.job.import_id,
            tenant_id.get(),
            signed("attempt", import.attempt)?,
            i32::from(chosen),
            &silent,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        // If the attempt is over, its batches will find that out wherever they are.
        shard.map_or(Ok(chosen), number)
    }

    /// Records that a queue of the shard does not answer: for a while imports go to others.
    pub async fn leave_shard_alone(&self, shard: u16) -> Result<(), Error> {
        sqlx::query!(
            "INSERT INTO imports.silent_shards (shard, until)
             VALUES ($1, clock_timestamp() + make_interval(secs => $2))
             ON CONFLICT (shard) DO UPDATE SET until = excluded.until",
            i32::from(shard),
            SHARD_LEFT_ALONE.as_secs_f64(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}

/// Shards that are left alone.
pub(super) async fn silent(connection: &mut PgConnection) -> Result<Vec<i32>, Error> {
    let silent =
        sqlx::query_scalar!("SELECT shard FROM imports.silent_shards WHERE until > clock_timestamp()");
    Ok(silent.fetch_all(connection).await?)
}

/// Two workers that chose at the same moment would not see each other's choice, so they choose one after the other. But a worse
/// shard does less harm than waiting for a worker that holds the lock and has stopped.
async fn choose_one_at_a_time(transaction: &mut PgTransaction<'static>) -> Result<(), Error> {
    for _ in 0..LOCK_TRIES {
        let alone = sqlx::query_scalar!(
            r#"SELECT pg_try_advisory_xact_lock(hashtextextended('user-import shards', 0)) AS "alone!""#
        );
        if alone.fetch_one(&mut **transaction).await? {
            return Ok(());
        }
        tokio::time::sleep(LOCK_TRY_INTERVAL).await;
    }
    tracing::debug!("another worker holds the lock for assigning shards, assigning without it");
    Ok(())
}

/// The shard whose queue holds the least work of other tenants, silent ones last: imports that wait for their plan, or
/// rows that are pending. So a tenant that floods one has it to itself. Among equals it is the one where the tenant
/// itself has most, so that a flood stays in one shard; then the home shard and those after it.
pub(super) async fn choose(
    connection: &mut PgConnection,
    tenant_id: Id,
    shards: Shards,
    state: State,
) -> Result<u16, Error> {
    let shard = sqlx::query_scalar!(
        r#"SELECT shards.shard AS "shard!"
             FROM generate_series(0, $3::integer - 1) AS shards (shard)
             LEFT JOIN (SELECT shard, sum(waiting) FILTER (WHERE tenant_id <> $1) AS of_others,
                               sum(waiting) FILTER (WHERE tenant_id = $1) AS own
                          FROM (SELECT shard, tenant_id, CASE state WHEN 'received' THEN 1 ELSE pending END AS waiting
                                  FROM imports.imports
                                 -- The former is what the index is for.
                                 WHERE state IN ('received', 'running') AND state = $2) AS unfinished
                         GROUP BY shard) AS held
                    ON held.shard = shards.shard
             LEFT JOIN imports.silent_shards AS silent ON silent.shard = shards.shard AND silent.until > clock_timestamp()
            ORDER BY silent.shard IS NOT NULL, coalesce(of_others, 0), coalesce(own, 0) DESC, (shards.shard - $4 + $3) % $3
            LIMIT 1"#,
        tenant_id.get(),
        state.as_str(),
        i32::from(shards.count),
        i32::from(shards.home),
    );
    number(shard.fetch_one(connection).await?)
}

fn number(shard: i32) -> Result<u16, Error> {
    u16::try_from(shard).map_err(|_| Error::corrupt("shard", shard))
}
