//! What `doctor` asks the database: whose log-in it is, how old the schema is, what time it is.

use time::OffsetDateTime;

use super::{
    error::Error,
    pool::{Db, MIGRATIONS},
};

/// How the database looks from here.
#[derive(Debug, Clone)]
pub struct Health {
    /// The role that is logged in.
    pub role: String,
    /// The server's version.
    pub server_version: String,
    /// Imports that have failed.
    pub failed: i64,
    /// Since when the first of them.
    pub failed_since: Option<OffsetDateTime>,
    /// Imports that are under way.
    pub open: i64,
    /// Why imports wait to be tried again, the first few reasons.
    pub delayed: Vec<String>,
    /// Dead letters that nobody has replayed or discarded yet.
    pub dead_letters: i64,
    /// Since when the first of them.
    pub dead_letters_since: Option<OffsetDateTime>,
}

/// The schema, compared with that of this program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The newest version that was applied.
    pub applied: i64,
    /// Versions that this program needs.
    pub missing: Vec<i64>,
    /// Versions that were applied with other content, or not completely.
    pub different: Vec<i64>,
    /// Versions that this program does not know: it is older than the schema.
    pub unknown: Vec<i64>,
}

impl SchemaVersion {
    /// Whether the schema is the one that this program was made for.
    pub const fn is_ours(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.unknown.is_empty()
    }
}

impl Db {
    /// Looks at role, clock and imports.
    pub async fn health(&self) -> Result<Health, Error> {
        let health = sqlx::query_as!(
            Health,
            r#"SELECT current_user::text AS "role!", current_setting('server_version') AS "server_version!",
                      (SELECT count(*) FROM imports.imports WHERE state = 'failed') AS "failed!",
                      (SELECT min(finished_at) FROM imports.imports WHERE state = 'failed') AS failed_since,
                      (SELECT count(*) FROM imports.imports WHERE state IN ('received', 'running')) AS "open!",
                      ARRAY (SELECT DISTINCT last_error FROM imports.imports
                              WHERE progress_at > clock_timestamp() AND last_error IS NOT NULL
                                AND delayed_since IS NOT NULL
                              ORDER BY last_error LIMIT 3) AS "delayed!",
                      (SELECT count(*) FROM imports.dead_letters WHERE state = 'open') AS "dead_letters!",
                      (SELECT min(set_aside_at) FROM imports.dead_letters WHERE state = 'open') AS dead_letters_since"#
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(health)
    }

    /// What time it is there.
    pub async fn time(&self) -> Result<OffsetDateTime, Error> {
        let time = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#);
        Ok(time.fetch_one(&mut *self.pool.acquire().await?).await?)
    }

    /// Compares the migrations that were applied with those of this program.
    pub async fn schema_version(&self) -> Result<SchemaVersion, Error> {
        let applied =
            sqlx::query!("SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&mut *self.pool.acquire().await?)
                .await?;
        let mut found = SchemaVersion::default();
        for row in &applied {
            found.applied = row.version;
            match MIGRATIONS.iter().find(|known| known.version == row.version) {
                None => found.unknown.push(row.version),
                Some(known) if !row.success || *known.checksum != *row.checksum => {
                    found.different.push(row.version);
                }
                Some(_) => {}
            }
        }
        found.missing = MIGRATIONS
            .iter()
            .map(|known| known.version)
            .filter(|version| !applied.iter().any(|row| row.version == *version))
            .collect();
        Ok(found)
    }
}
