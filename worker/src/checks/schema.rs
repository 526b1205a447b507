//! The schema, compared with that of this program.

use super::check::Check;
use crate::db::{Db, Health};

/// The server that answers.
pub fn server(health: &Health) -> Check {
    let server = format!("PostgreSQL {}, as role {}", health.server_version, health.role);
    Check::ok("database", server)
}

/// Compares the migrations that were applied with those of this program.
pub async fn schema(db: &Db) -> Check {
    const NAME: &str = "schema";
    let found = match db.schema_version().await {
        Ok(found) => found,
        Err(error) => {
            let advice = "run user-import migrate; if it was, the role may not read the table of migrations";
            return Check::failed(NAME, error.to_string(), advice);
        }
    };
    if !found.missing.is_empty() {
        let text = format!(
            "version {}, this program needs {} too",
            found.applied,
            listed(&found.missing)
        );
        return Check::failed(NAME, text, "run user-import migrate");
    }
    if !found.different.is_empty() {
        let text = format!(
            "not applied to the end, or not as in this program: {}",
            listed(&found.different)
        );
        return Check::failed(
            NAME,
            text,
            "find out which release migrated this database, and use that one",
        );
    }
    if !found.unknown.is_empty() {
        let text = format!("version {}, newer than this program", found.applied);
        return Check::warning(NAME, text, "update this program");
    }
    Check::ok(NAME, format!("version {}", found.applied))
}

fn listed(versions: &[i64]) -> String {
    let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}
