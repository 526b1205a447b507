//! What the log-ins may do in the database, object by object, against the lists of what they need.

use std::path::Path;

use kit::{in_world, variable};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use worker::db::Group;

const LOG_INS: [(Group, &str, &str); 3] = [
    (Group::Worker, "DATABASE_URL", "worker"),
    (Group::Operator, "OPERATOR_DATABASE_URL", "operator"),
    (Group::Console, "CONSOLE_DATABASE_URL", "console"),
];

fn has_roles_of_its_own() -> bool {
    // A database that was given with one log-in for all: its rights are not ours to set.
    variable("DATABASE_URL") != variable("MIGRATE_DATABASE_URL")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_of_rights_are_what_the_migrations_grant() {
    in_world(async |world| {
        if !has_roles_of_its_own() {
            return;
        }
        for (group, variable, list) in LOG_INS {
            let db = world.log_in(variable);
            if std::env::var_os("UPDATE_RIGHTS").is_some() {
                let rights: Vec<String> = db.rights().await.unwrap().into_iter().collect();
                let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join(format!("../../worker/src/db/rights/{list}.txt"));
                std::fs::write(file, rights.join("\n") + "\n").unwrap();
                continue;
            }
            let difference = db.compare_rights(group).await.unwrap();
            assert!(
                difference.missing.is_empty() && difference.excess.is_empty(),
                "{list}.txt is out of date: run UPDATE_RIGHTS=1 deploy/local/test, and look at what changed\n{difference:#?}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_too_many_or_too_few_is_found_on_every_object() {
    in_world(async |world| {
        if !has_roles_of_its_own() {
            return;
        }
        let worker = world.log_in("DATABASE_URL");
        let role = worker.login().await.unwrap().role;
        let mut owner = PgConnection::connect(&world.variable("MIGRATE_DATABASE_URL"))
            .await
            .unwrap();
        let mut run = async |statement: String| {
            sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(&mut owner)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        };
        let objects: Vec<String> = world
            .values(
                "SELECT CASE WHEN relkind = 'S' THEN 'sequence ' ELSE '' END || c.oid::regclass::text
                   FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                  WHERE nspname IN ('dialer', 'imports', 'console') AND relkind IN ('r', 'p', 'v', 'm', 'S')",
            )
            .await;
        assert!(objects.len() > 30, "{objects:?}");
        for object in &objects {
            let right = if object.starts_with("sequence ") {
                "UPDATE"
            } else {
                "TRIGGER"
            };
            run(format!("GRANT {right} ON {object} TO {role}")).await;
            let found = worker.compare_rights(Group::Worker).await.unwrap();
            assert!(
                found.excess.contains(&format!("{right} on {object}")),
                "{object}: {found:?}"
            );
            run(format!("REVOKE {right} ON {object} FROM {role}")).await;
        }
        for right in worker.rights().await.unwrap() {
            let revoke = right
                .replacen(" on ", " ON ", 1)
                .replacen("EXECUTE ON ", "EXECUTE ON FUNCTION ", 1);
            let group = Group::Worker.role();
            run(format!("REVOKE {revoke} FROM {group}, PUBLIC")).await;
            let found = worker.compare_rights(Group::Worker).await.unwrap();
            assert!(found.missing.contains(&right), "{right}: {found:?}");
            run(format!("GRANT {revoke} TO {group}")).await;
        }
        let found = worker.compare_rights(Group::Worker).await.unwrap();
        assert!(found.missing.is_empty() && found.excess.is_empty(), "{found:?}");
    })
    .await;
}
