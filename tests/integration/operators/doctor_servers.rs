//! `doctor` and faults of the servers' settings: of the schema, the store, the connection to them, and whom they let
//! in.

use kit::{AlteredStore, Answer, OwnServer, authority, in_world, variable};
use sqlx::AssertSqlSafe;

use super::doctor::{examined, told, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_a_newer_schema_from_one_that_is_not_as_it_should_be() {
    in_world(async |world| {
        world
            .execute(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (99990, 'of a later release', true, '\\x00', 1)",
            )
            .await;
        let found = examined(world, &[], 0).await;
        assert_eq!(verdict(&found, "schema"), "warning");
        let newer = told(&found, "schema");
        assert!(
            newer.contains("newer than this program") && newer.contains("update"),
            "{newer}"
        );

        world
            .execute("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 20")
            .await;
        let changed = told(&examined(world, &[], 1).await, "schema");
        assert!(
            changed.contains("not as in this program: 20") && changed.contains("which release"),
            "{changed}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_a_store_that_lets_nothing_be_deleted() {
    in_world(async |world| {
        let store = AlteredStore::before(&variable("S3_ENDPOINT"), |request, answer| {
            match request.starts_with("DELETE ") {
                true => Answer::plain(
                    "403 Forbidden",
                    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
                ),
                false => answer,
            }
        })
        .await;
        let found = examined(world, &[("S3_ENDPOINT", &store.endpoint())], 0).await;
        assert_eq!(verdict(&found, "object storage"), "ok");
        let refused = told(&found, "storage deletion");
        assert!(
            refused.contains("was refused with 403") && refused.contains("purge does"),
            "{refused}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_warns_of_passwords_that_go_to_another_machine_as_plain_text() {
    in_world(async |world| {
        // Names that lead nowhere: the only question is whether they are this machine.
        let changes = [
            ("AMQP_URL", "amqp://guest:guest@broker.invalid/"),
            ("S3_ENDPOINT", "http://store.invalid:9000"),
        ];
        let found = examined(world, &changes, 1).await;
        assert_eq!(verdict(&found, "encryption"), "warning");
        let plain = told(&found, "encryption");
        for part in [
            "the broker at broker.invalid",
            "the object storage at store.invalid",
            "amqps://",
        ] {
            assert!(plain.contains(part), "{plain}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_why_a_server_lets_nobody_in() {
    in_world(async |world| {
        let role = format!("full_{}", world.prefix().trim_end_matches('.'));
        let statement = format!("CREATE ROLE {role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0");
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&world.db)
            .await
            .unwrap();
        let url = world.variable("DATABASE_URL");
        let (server, (_, database)) = (authority(&url), url.rsplit_once('/').unwrap());
        let full = format!("postgres://{role}:x@{server}/{database}");
        let join = if url.contains('?') { '&' } else { '?' };
        let encrypted = format!("{url}{join}sslmode=require");
        let cases = [
            (full, "too many connections", "take more connections"),
            (encrypted, "TLS", "correct sslmode"),
        ];
        for (url, found, advice) in &cases {
            let told = told(&examined(world, &[("DATABASE_URL", url)], 1).await, "database");
            assert!(told.contains(found) && told.contains(advice), "{told}");
        }
        sqlx::raw_sql(AssertSqlSafe(format!("DROP ROLE {role}")))
            .execute(&world.db)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_starting_is_waited_for() {
    in_world(async |world| {
        let standby = OwnServer::standby(&world.scratch().join("standby")).await;
        // It says that it is starting up until it is a standby, which accepts no connections.
        let found = told(&examined(world, &standby.variables(), 1).await, "database");
        assert!(
            found.contains("the database system is ") && found.contains("the server is starting or stopping"),
            "{found}"
        );
        let ran = world.user_import_with(&standby.variables(), &["list"]).await;
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.error.contains("the database system is "), "{ran:?}");
    })
    .await;
}
