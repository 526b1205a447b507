//! What the workers' log-in may not do in the database, tried one by one.

use kit::{in_world, variable};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

/// A user as an import makes it; the last two values are `password_must_change` and `idempotency_key`.
const USER: &str =
    "INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, sip_kind,
                                              password_hash, password_must_change, idempotency_key)
                    VALUES ($TENANT, 'eve', 'eve', 'eve@x.org', '4711', 'webrtc', '$argon2id$mine',";

const FORBIDDEN: [&str; 44] = [
    "$USER false, gen_random_uuid())",
    "$USER true, NULL)",
    "INSERT INTO dialer.users (user_id) VALUES (1)",
    "UPDATE dialer.users SET password_hash = '$argon2id$mine'",
    "UPDATE dialer.users SET password_must_change = false",
    "SELECT password_hash FROM dialer.users",
    "SELECT username FROM dialer.users",
    "DELETE FROM dialer.users",
    "UPDATE dialer.tenants SET name = 'x'",
    "INSERT INTO dialer.roles (tenant_id, role_id, name) VALUES ($TENANT, 1, 'x')",
    "ALTER TABLE dialer.users DISABLE ROW LEVEL SECURITY",
    "INSERT INTO imports.imports (import_id, tenant_id, job, state) VALUES (gen_random_uuid(), 1, '{}', 'completed')",
    "UPDATE imports.imports SET tenant_id = 1",
    "UPDATE imports.imports SET import_id = gen_random_uuid()",
    "UPDATE imports.imports SET job = '{}'",
    "UPDATE imports.rows SET tenant_id = 1",
    "UPDATE imports.rows SET row_number = 1",
    "UPDATE imports.rows SET idempotency_key = gen_random_uuid()",
    "DELETE FROM imports.imports",
    "DELETE FROM imports.rows",
    "DELETE FROM imports.dead_letters",
    "UPDATE imports.dead_letters SET body = ''",
    "INSERT INTO imports.audit (operator, command, database_role) VALUES ('olga', 'cancel', 'olga')",
    "INSERT INTO imports.audit (operator, command, at) VALUES ('olga', 'cancel', now())",
    "UPDATE imports.audit SET operator = 'olga'",
    "DELETE FROM imports.audit",
    "SELECT imports.purge_audit(now())",
    "SELECT name FROM imports.workers",
    "INSERT INTO imports.workers (name, version, started_at, stage, in_hand) VALUES ('x', '1', now(), 'x', 0)",
    "UPDATE imports.workers SET beat_at = now()",
    "DELETE FROM imports.workers",
    "SELECT worker FROM imports.outages",
    "INSERT INTO imports.outages (worker, server, began_at, ended_at) VALUES ('x', 'broker', now(), now())",
    "UPDATE imports.outages SET ended_at = now()",
    "DELETE FROM imports.outages",
    "CREATE TEMPORARY TABLE mine (x integer)",
    "CREATE TABLE public.mine (x integer)",
    "CREATE SCHEMA mine",
    "SELECT lo_creat(-1)",
    "SELECT lo_create(0)",
    "SELECT lo_from_bytea(0, 'x')",
    "SET ROLE user_import_operator",
    "CREATE ROLE mine",
    "COPY (SELECT 1) TO PROGRAM 'true'",
];

fn has_roles_of_its_own() -> bool {
    // A database that was given with one log-in for all: its rights are not ours to set.
    variable("DATABASE_URL") != variable("MIGRATE_DATABASE_URL")
}

/// The result of the statement for the log-in; nothing of it is kept.
async fn tried(pool: &PgPool, statement: &str) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut *transaction)
        .await?;
    transaction.rollback().await
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_log_in_may_do_nothing_but_its_work() {
    in_world(async |world| {
        if !has_roles_of_its_own() {
            return;
        }
        let tenant = world.tenant().await.id.to_string();
        let own = world.variables();
        let url = |name| own.iter().find(|(own, _)| *own == name).unwrap().1.clone();
        let worker = PgPool::connect(&url("DATABASE_URL")).await.unwrap();
        let user = USER.replace("$TENANT", &tenant);
        tried(&worker, &format!("{user} true, gen_random_uuid())"))
            .await
            .unwrap();
        let mut allowed = Vec::new();
        for statement in FORBIDDEN {
            let statement = statement.replace("$USER", &user).replace("$TENANT", &tenant);
            let refused = tried(&worker, &statement).await.err();
            // Insufficient privilege; a value for a column that is always generated. Source: PostgreSQL manual, appendix A.
            if !refused
                .as_ref()
                .and_then(code)
                .is_some_and(|code| ["42501", "428C9"].contains(&code.as_str()))
            {
                allowed.push(format!("{statement}: {refused:?}"));
            }
        }
        assert!(allowed.is_empty(), "{}", allowed.join("\n"));

        let (server, _) = variable("DATABASE_URL")
            .rsplit_once('/')
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        for database in ["postgres", "template1", "user_import"] {
            let connected = PgConnection::connect(&format!("{server}/{database}")).await;
            match database {
                // The local servers' own, in which the same log-in works.
                "user_import" => drop(connected.unwrap()),
                _ => assert_eq!(
                    connected.err().as_ref().and_then(code).as_deref(),
                    Some("42501"),
                    "{database}"
                ),
            }
        }

        for (pool, written) in [
            (worker, "user_import_app as olga"),
            (
                PgPool::connect(&url("OPERATOR_DATABASE_URL")).await.unwrap(),
                "olga",
            ),
        ] {
            let operator: String = sqlx::query_scalar(
                "INSERT INTO imports.audit (operator, command) VALUES ('olga', 'cancel') RETURNING operator",
            )
            .fetch_one(&pool)
            .await
            .unwrap();
            assert_eq!(operator, written);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_cannot_purge_what_they_did_lately() {
    in_world(async |world| {
        if !has_roles_of_its_own() {
            return;
        }
        sqlx::raw_sql(
            "INSERT INTO imports.audit (operator, command) VALUES ('olga', 'new'), ('olga', 'old');
             UPDATE imports.audit SET at = now() - interval '91 days' WHERE command = 'old'",
        )
        .execute(&world.db)
        .await
        .unwrap();
        let own = world.variables();
        let url = own
            .iter()
            .find(|(own, _)| *own == "OPERATOR_DATABASE_URL")
            .unwrap();
        let operator = PgPool::connect(&url.1).await.unwrap();
        for (expected, left) in [(1, "new"), (0, "new")] {
            let removed: i64 = sqlx::query_scalar("SELECT imports.purge_audit(now())")
                .fetch_one(&operator)
                .await
                .unwrap();
            let commands: Vec<String> = sqlx::query_scalar("SELECT command FROM imports.audit")
                .fetch_all(&world.db)
                .await
                .unwrap();
            assert_eq!(
                (removed, commands.as_slice()),
                (expected, [left.to_owned()].as_slice())
            );
        }
        let deleted = tried(&operator, "DELETE FROM imports.audit").await.unwrap_err();
        assert_eq!(code(&deleted).as_deref(), Some("42501"));
    })
    .await;
}
