//! Whether deploy/lock-down.sql was run: what the workers' log-in may do beyond its work.

use crate::{checks::Check, db::Db};

pub(super) async fn lock_down(db: &Db) -> Check {
    const NAME: &str = "database lock-down";
    const ADVICE: &str =
        "run deploy/lock-down.sql as a superuser in this database, and again whenever a database is added";
    match db.surplus_rights().await {
        Ok(rights) if rights.is_empty() => Check::ok(NAME, "the log-in may do its work and no more"),
        Ok(rights) => Check::warning(NAME, format!("the log-in may {}", rights.join(", ")), ADVICE),
        Err(error) => Check::failed(NAME, error.to_string(), "look at PostgreSQL's log"),
    }
}
