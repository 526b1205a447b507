//! What the operators' pages of the console show besides imports and dead letters themselves.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{error::Error, pool::Db};

/// Something that happened to an import.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// When.
    pub at: OffsetDateTime,
    /// In which attempt; none for what an operator did.
    pub attempt: Option<i32>,
    /// What: an event of `imports.history`, or the command of an operator or administrator.
    pub event: String,
    /// The error, the state, or the reason.
    pub details: Option<String>,
    /// Who did it, if it was somebody.
    pub by: Option<String>,
}

/// A tenant whose imports are under way.
#[derive(Debug, Clone)]
pub struct BusyTenant {
    /// The tenant.
    pub tenant_id: i64,
    /// Imports under way.
    pub imports: i64,
    /// Rows without an outcome.
    pub pending: i64,
    /// When its oldest one was received.
    pub oldest: OffsetDateTime,
    /// Rows that batches gave their outcome within the last ten minutes.
    pub done_lately: i64,
}

/// Dead letters that were set aside for the same reason.
#[derive(Debug, Clone)]
pub struct DeadGroup {
    /// Why they were set aside.
    pub reason: String,
    /// The error that they share.
    pub error: Option<String>,
    /// How many.
    pub count: i64,
    /// The first of them.
    pub oldest: OffsetDateTime,
    /// The last of them.
    pub newest: OffsetDateTime,
}

impl Db {
    /// What happened to an import and who did something with it, the oldest first.
    pub async fn history(&self, import_id: Uuid) -> Result<Vec<HistoryEntry>, Error> {
        let entries = sqlx::query_as!(
            HistoryEntry,
            r#"SELECT at AS "at!", attempt, event AS "event!",
                      CASE event WHEN 'batch' THEN rows || CASE rows WHEN 1 THEN ' row' ELSE ' rows' END ELSE details END AS details,
                      NULL AS "by?"
                 FROM imports.history WHERE import_id = $1
               UNION ALL
               SELECT at, NULL, command, reason, operator FROM imports.audit WHERE import_id = $1
               UNION ALL
               SELECT greatest(p.paused_at, i.received_at), NULL, 'paused', p.reason, p.paused_by
                 FROM imports.imports i JOIN imports.pauses p ON p.tenant_id IS NULL OR p.tenant_id = i.tenant_id
                WHERE i.import_id = $1 AND p.paused_at < coalesce(i.finished_at, 'infinity')
                  AND coalesce(p.resumed_at, 'infinity') > i.received_at
               UNION ALL
               SELECT p.resumed_at, NULL, 'resumed', NULL, p.resumed_by
                 FROM imports.imports i JOIN imports.pauses p ON p.tenant_id IS NULL OR p.tenant_id = i.tenant_id
                WHERE i.import_id = $1 AND p.resumed_at BETWEEN i.received_at AND coalesce(i.finished_at, 'infinity')
               UNION ALL
               SELECT (event ->> 'time')::timestamptz, (event -> 'data' ->> 'attempt')::integer, 'told', event ->> 'type', NULL
                 FROM imports.told_events WHERE import_id = $1
               UNION ALL
               SELECT greatest(lower(away), received_at), NULL, server || '_away',
                      'for ' || greatest(1, round(extract(epoch FROM upper(away) - lower(away)))) || ' s', NULL
                 FROM (SELECT i.received_at, o.server, unnest(range_agg(tstzrange(o.began_at, o.ended_at, '[]'))) AS away
                         FROM imports.imports i
                         JOIN imports.outages o
                           ON o.ended_at > i.received_at AND o.began_at < coalesce(i.finished_at, 'infinity')
                        WHERE i.import_id = $1
                        GROUP BY 1, 2) outages
               ORDER BY 1"#,
            import_id,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(entries)
    }

    /// Tenants with imports under way, those with most rows first; of these tenants, or of all. No more than 100.
    pub async fn busy_tenants(&self, among: Option<&[i64]>) -> Result<Vec<BusyTenant>, Error> {
        let tenants = sqlx::query_as!(
            BusyTenant,
            r#"WITH lately AS (
                   SELECT done.tenant_id, sum(batch.rows)::bigint AS rows
                     FROM imports.history batch JOIN imports.imports done USING (import_id)
                    WHERE batch.event = 'batch' AND batch.at > now() - interval '10 minutes'
                    GROUP BY done.tenant_id)
               SELECT open.tenant_id, count(*) AS "imports!", coalesce(sum(pending), 0)::bigint AS "pending!",
                      min(received_at) AS "oldest!", coalesce(max(lately.rows), 0) AS "done_lately!"
                 FROM imports.imports open LEFT JOIN lately ON lately.tenant_id = open.tenant_id
                WHERE state IN ('received', 'running') AND ($1::bigint[] IS NULL OR open.tenant_id = ANY ($1))
                GROUP BY open.tenant_id
                ORDER BY 3 DESC, 4
                LIMIT 100"#,
            among,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(tenants)
    }

    /// Rows that batches gave their outcome within the last minute.
    pub async fn rows_lately(&self) -> Result<i64, Error> {
        let rows = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(rows), 0)::bigint AS "rows!" FROM imports.history
                WHERE event = 'batch' AND at > now() - interval '1 minute'"#
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(rows)
    }

    /// Open dead letters by reason and error, the most first.
    pub async fn dead_groups(&self) -> Result<Vec<DeadGroup>, Error> {
        let groups = sqlx::query_as!(
            DeadGroup,
            r#"SELECT reason, left(error, 200) AS error, count(*) AS "count!", min(set_aside_at) AS "oldest!",
                      max(set_aside_at) AS "newest!"
                 FROM imports.dead_letters WHERE state = 'open'
                GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 100"#
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(groups)
    }
}
