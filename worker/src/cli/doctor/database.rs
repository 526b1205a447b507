//! The database: whether it is there, its schema, and what our role may do in it.

use time::OffsetDateTime;

use super::{environment::from_environment, lock_down::lock_down, purge, seals::seal_keys};
use crate::{
    checks::{self, Check},
    db::{self, Db, Group},
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
        Err(db::Error::SchemaMissing) => return vec![checks::schema(&db).await],
        Err(error) => return unreachable(error),
    }
    let mut found = vec![checks::schema(&db).await];
    match db.health().await {
        Ok(health) => {
            found.insert(0, checks::server(&health));
            found.push(checks::rights("database permissions", &db, Group::Worker).await);
            let backlog = db.backlog().await;
            found.extend(purge::success_csvs(&backlog));
            found.extend(checks::imports(&db, &health, backlog).await);
        }
        Err(error) => found.extend(unreachable(error)),
    }
    found.push(lock_down(&db).await);
    found.push(seal_keys(&db).await);
    found
}

/// The database's time, if it can be asked.
pub(super) async fn time() -> Option<OffsetDateTime> {
    let options = from_environment::<db::Options>().ok()?;
    db::reach(&options).await.ok()?;
    Db::new(&options).ok()?.time().await.ok()
}

/// The log-in of `purge`, if there is one.
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
        Ok(db) => checks::rights(NAME, &db, Group::Operator).await,
        Err(error) => Check::failed(NAME, error.to_string(), error.advice(VARIABLE)),
    })
}
