//! Events as they were first told: told again, they are the same.

use shared::contract::event::Event;
use sqlx::types::Json;
use uuid::Uuid;

use super::{error::Error, pool::Db};

impl Db {
    /// Keeps an event of an import, unless one with its ID was kept before, and returns the one that is kept.
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
}
