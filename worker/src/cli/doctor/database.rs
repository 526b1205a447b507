//! The database: whether it is there, its schema, and what our role may do in it.

use time::OffsetDateTime;

use super::{
    check::Check, environment::from_environment, imports, lock_down::lock_down, rights::rights,
    seals::seal_keys,
};
use crate::{
    db::{self, Db, Group, SchemaVersion},
    secret::Secret,
};

pub(super) async fn database() -> Vec<Check> {
    let options = match from_environment::<db::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed("database", error, "set DATABASE_URL")],
    };
    let unreachable = |error: db::Error| {
        vec![Check::failed(
            "database",
            error.to_string(),
            error.advice("DATABASE_URL"),
        )]
    };
    if let Err(error) = db::reach(&options).await {
        return unreachable(error);
    }
    let db = match Db::new(&options) {
        Ok(db) => db,
        Err(error) => return unreachable(error),
    };
    if let Err(error) = db.check_encoding().await {
        return unreachable(error);
    }
    match db.check().await {
        Ok(()) => {}
        // Nothing else can be asked of an older schema.
        Err(db::Error::SchemaMissing) => return vec![schema(db.schema_version().await)],
        Err(error) => return unreachable(error),
    }
    let mut checks = vec![schema(db.schema_version().await)];
    match db.health().await {
        Ok(health) => {
            let server = format!("PostgreSQL {}, as role {}", health.server_version, health.role);
            checks.insert(0, Check::ok("database", server));
            checks.push(rights("database permissions", &db, Group::Worker).await);
            checks.push(imports::imports(&health));
            checks.push(imports::delays(&health));
            checks.push(imports::pauses(db.pauses().await));
            checks.push(imports::progress(db.backlog().await));
            checks.push(imports::dead_letters(&health));
        }
        Err(error) => checks.extend(unreachable(error)),
    }
    checks.push(lock_down(&db).await);
    checks.push(seal_keys(&db).await);
    checks
}

/// What time it is at the database, if it can be asked.
pub(super) async fn time() -> Option<OffsetDateTime> {
    let options = from_environment::<db::Options>().ok()?;
    db::reach(&options).await.ok()?;
    Db::new(&options).ok()?.time().await.ok()
}

/// The log-in of `purge`, where there is one.
pub(super) async fn operators_database() -> Option<Check> {
    const NAME: &str = "operators' database";
    const VARIABLE: &str = "OPERATOR_DATABASE_URL";
    #[derive(clap::Args)]
    #[group(skip)]
    struct Login {
        #[arg(long, env = VARIABLE, hide_env_values = true)]
        operator_database_url: Option<Secret>,
    }
    let database_url = from_environment::<Login>().ok()?.operator_database_url?;
    let options = db::Options {
        database_url,
        database_connections: 1,
    };
    let connected = async {
        db::reach(&options).await?;
        Db::new(&options)
    };
    Some(match connected.await {
        Ok(db) => rights(NAME, &db, Group::Operator).await,
        Err(error) => Check::failed(NAME, error.to_string(), error.advice(VARIABLE)),
    })
}

fn schema(found: Result<SchemaVersion, db::Error>) -> Check {
    const NAME: &str = "schema";
    let found = match found {
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
            "versions {} were not applied to their end, or are not those of this program",
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
