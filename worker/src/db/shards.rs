//! Which shard an import waits in: the one where it meets the least of other tenants.

use shared::contract::Id;
use sqlx::PgConnection;

use super::{Error, State};

/// The shards, as one tenant sees them.
#[derive(Debug, Clone, Copy)]
pub struct Shards {
    /// How many there are; they are counted from 0.
    pub count: u16,
    /// Where the tenant's imports go if all are filled alike.
    pub home: u16,
}

/// The shard whose queue holds the least of other tenants: of imports that wait for their plan, or of rows that are pending.
/// So whoever floods one has it to himself. Among equals it is the one where the tenant has most himself, so that a flood
/// stays in one shard; then the home shard and those after it.
pub(super) async fn choose(
    connection: &mut PgConnection,
    tenant_id: Id,
    shards: Shards,
    state: State,
) -> Result<i32, Error> {
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
               USING (shard)
            ORDER BY coalesce(of_others, 0), coalesce(own, 0) DESC, (shards.shard - $4 + $3) % $3
            LIMIT 1"#,
        tenant_id.get(),
        state.as_str(),
        i32::from(shards.count),
        i32::from(shards.home),
    );
    Ok(shard.fetch_one(connection).await?)
}
