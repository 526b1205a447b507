//! Events as they were first published: published again, they are the same.

use shared::contract::{Id, event::Event};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{error::Error, pool::Db, purge::PURGED_AT_ONCE};

impl Db {
    /// Stores an event of an import, unless one with its ID is stored already, and returns the one that is stored.
    pub async fn keep_event(&self, import_id: Uuid, made: Event) -> Result<Event, Error> {
        let mut connection = self.pool.acquire().await?;
        let new = sqlx::query!(
            "INSERT INTO imports.told_events (event_id, import_id, event) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            made.id,
            import_id,
            Json(&made) as _,
        )
        .execute(&mut *connection)
        .await?;
        if new.rows_affected() > 0 {
            return Ok(made);
        }
        // A statement of its own: the insertion may have waited for another worker's, and does not see it.
        let kept = sqlx::query_scalar!(
            r#"SELECT event AS "event: Json<Event>" FROM imports.told_events WHERE event_id = $1"#,
            made.id,
        )
        .fetch_one(&mut *connection)
        .await?;
        Ok(kept.0)
    }

    /// How many answers to jobs that were refused are from before the given time. They belong to no import.
    pub async fn old_refusals(&self, before: OffsetDateTime, tenant_id: Option<Id>) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM imports.told_events
                WHERE event ->> 'type' = 'dialer.import.refused' AND (event ->> 'time')::timestamptz < $1
                  AND ($2::text IS NULL OR event -> 'data' ->> 'tenant_id' = $2)"#,
            before,
            tenant_id.map(|tenant_id| tenant_id.to_string()),
        );
        Ok(count.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Deletes these, of one tenant or of all, some at a time.
    pub async fn purge_refusals(&self, before: OffsetDateTime, tenant_id: Option<Id>) -> Result<(), Error> {
        let tenant_id = tenant_id.map(|tenant_id| tenant_id.to_string());
        loop {
            let some = sqlx::query!(
                "DELETE FROM imports.told_events WHERE event_id IN (
                     SELECT event_id FROM imports.told_events
                      WHERE event ->> 'type' = 'dialer.import.refused' AND (event ->> 'time')::timestamptz < $1
                        AND ($2::text IS NULL OR event -> 'data' ->> 'tenant_id' = $2)
                      LIMIT $3)",
                before,
                tenant_id,
                PURGED_AT_ONCE,
            )
            .execute(&mut *self.pool.acquire().await?)
            .await?;
            if some.rows_affected() == 0 {
                return Ok(());
            }
        }
    }
}
