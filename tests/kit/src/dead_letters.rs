//! Dead letters as the database has them.

use serde_json::Value;
use uuid::Uuid;

use crate::{World, eventually};

impl World {
    /// Waits for an open dead letter, discards it and returns its reason and its body.
    pub async fn dead_letter(&self) -> (String, Vec<u8>) {
        eventually("a dead letter", async || {
            sqlx::query_as(
                "UPDATE imports.dead_letters SET state = 'discarded', closed_at = now(), closed_by = 'the test'
                  WHERE dead_letter_id = (SELECT min(dead_letter_id) FROM imports.dead_letters WHERE state = 'open')
              RETURNING reason, body",
            )
            .fetch_optional(&self.db)
            .await
            .expect("the dead letters")
        })
        .await
    }

    /// The number of open dead letters.
    pub async fn dead_letters(&self) -> i64 {
        self.value("SELECT count(*) FROM imports.dead_letters WHERE state = 'open'")
            .await
    }

    /// Waits until there are this many open dead letters.
    pub async fn until_dead_letters(&self, count: i64) {
        eventually("the dead letters", async || {
            (self.dead_letters().await == count).then_some(())
        })
        .await;
    }

    /// An open dead letter with this body, as a worker would have written it; returns its number.
    pub async fn set_aside(&self, reason: &str, origin: &str, body: &Value) -> i64 {
        sqlx::query_scalar(
            "INSERT INTO imports.dead_letters (reason, origin, import_id, tenant_id, retry_count, size_bytes, body, fingerprint)
             VALUES ($1, $2, ($3->>'import_id')::uuid, ($3->>'tenant_id')::bigint, 0, octet_length($4), $4, $5)
          RETURNING dead_letter_id",
        )
        .bind(reason)
        .bind(origin)
        .bind(body)
        .bind(body.to_string().into_bytes())
        .bind(Uuid::new_v4().as_bytes().as_slice())
        .fetch_one(&self.db)
        .await
        .expect("a dead letter")
    }
}
