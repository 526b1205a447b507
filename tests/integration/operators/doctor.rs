//! `doctor` finds what is wrong and says what to do.

use kit::{
    Fault, OTHER_SEAL_KEY, Proxy, Worker, World, authority, eventually, good_rows, in_world, variable,
};
use serde_json::Value;

/// The verdict on one check and the advice, in a changed environment.
pub(crate) async fn examined(world: &World, changes: &[(&str, &str)], code: i32) -> Value {
    let ran = world.user_import_with(changes, &["doctor", "--json"]).await;
    assert_eq!(ran.code, Some(code), "{changes:?}: {ran:?}");
    for secret in ["SEAL_KEYS", "S3_SECRET_ACCESS_KEY"] {
        assert!(!ran.out.contains(&variable(secret)), "{secret} is shown");
    }
    ran.json()
}

/// What was found and the advice.
pub(crate) fn told(checks: &Value, name: &str) -> String {
    let checks = checks["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name).unwrap();
    format!(
        "{} → {}",
        check["found"].as_str().unwrap(),
        check["advice"].as_str().unwrap()
    )
}

pub(crate) fn verdict<'a>(checks: &'a Value, name: &str) -> &'a str {
    let checks = checks["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name);
    check.map_or("absent", |check| check["verdict"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_healthy_installation_healthy() {
    in_world(async |world| {
        let alone = examined(world, &[], 0).await;
        assert_eq!(verdict(&alone, "workers"), "warning");
        let _worker = Worker::start(world, &[]);
        world.until_logged("connected, consuming").await;
        // RabbitMQ reports new queues only after some seconds. And the databases of other tests are open to this
        // log-in.
        eventually("a healthy installation", async || {
            let found = world.json_of(&["doctor"], 0).await;
            let mut checks = found["checks"].as_array().unwrap().iter();
            checks
                .all(|check| check["verdict"] == "ok" || check["check"] == "database lock-down")
                .then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_that_success_csvs_outlive_their_time() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let job = world.import(tenant, good_rows(1)).await;
        assert_eq!(verdict(&examined(world, &[], 0).await, "purge"), "ok");
        world
            .execute("UPDATE imports.imports SET finished_at = now() - interval '31 days'")
            .await;
        assert_eq!(verdict(&examined(world, &[], 0).await, "purge"), "ok");
        let sooner = [("PURGE_SUCCESS_DAYS", "28")];
        let found = examined(world, &sooner, 0).await;
        assert_eq!(verdict(&found, "purge"), "warning", "{job}");
        assert!(
            told(&found, "purge").contains("is 31 days old, though PURGE_SUCCESS_DAYS is 28"),
            "{found}"
        );
        let wrong = examined(world, &[("PURGE_SUCCESS_DAYS", "soon")], 1).await;
        assert_eq!(verdict(&wrong, "purge"), "failed");

        world
            .json_of(&["purge", "--success-days", "28", "--yes", "--reason", "late"], 0)
            .await;
        assert_eq!(verdict(&examined(world, &sooner, 0).await, "purge"), "ok");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_what_is_wrong() {
    in_world(async |world| {
        world.half_failed().await;
        let other = OTHER_SEAL_KEY;
        let owner = variable("MIGRATE_DATABASE_URL");
        let own = world.variable("MIGRATE_DATABASE_URL");
        let new_first = format!("{other},{}", variable("SEAL_KEYS"));
        for (changes, check, expected, code) in [
            ([("SEAL_KEYS", other)], "seal keys", "failed", 1),
            ([("SEAL_KEYS", new_first.as_str())], "seal keys", "warning", 0),
            ([("SEAL_KEYS", "nonsense")], "seal keys", "failed", 1),
            ([("BATCH_ROWS", "many")], "configuration", "failed", 1),
            ([("AMQP_URL", "amqp://127.0.0.1:1/x")], "broker", "failed", 1),
            ([("AMQP_SHARDS", "3")], "topology", "failed", 1),
            (
                [("S3_ENDPOINT", "http://127.0.0.1:1")],
                "object storage",
                "failed",
                1,
            ),
            (
                [("DATABASE_URL", own.as_str())],
                "database permissions",
                "warning",
                0,
            ),
            // The database that the local servers are checked with is another one, and has no failed import.
            ([("DATABASE_URL", owner.as_str())], "database", "ok", 0),
            ([("AMQP_SHARDS", "2")], "imports", "warning", 0),
        ] {
            let found = examined(world, &changes, code).await;
            assert_eq!(verdict(&found, check), expected, "{changes:?}: {found}");
        }
        world
            .execute("REVOKE SELECT ON dialer.roles FROM user_import_worker")
            .await;
        let found = examined(world, &[], 1).await;
        assert_eq!(verdict(&found, "database permissions"), "failed");
        world
            .execute("DELETE FROM _sqlx_migrations WHERE version = 20")
            .await;
        assert_eq!(verdict(&examined(world, &[], 1).await, "schema"), "failed");

        let queue = world.topology().reports_queue();
        world.queues.delete(queue.clone()).await.unwrap();
        let found = examined(world, &[], 1).await;
        assert!(found.to_string().contains(&format!("queue {queue}")), "{found}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_counts_the_imports_that_stand_still() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        for _ in 0..2 {
            world.publish(&world.upload(tenant, "Username\r\n").await).await;
        }
        let worker = Worker::start(world, &[("S3_SECRET_ACCESS_KEY", "wrong")]);
        world
            .until("SELECT count(*) = 2 FROM imports.imports WHERE tries > 0")
            .await;
        assert!(worker.terminate().await.success());
        sqlx::query("UPDATE imports.imports SET progress_at = now() - interval '20 minutes'")
            .execute(&world.db)
            .await
            .unwrap();
        let found = told(&examined(world, &[], 0).await, "progress");
        assert!(
            found.starts_with("2 imports have not progressed for 600 s, the longest for 12"),
            "{found}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_why_a_database_cannot_be_reached() {
    in_world(async |world| {
        let url = world.variable("DATABASE_URL");
        let server = authority(&url);
        let (scheme_and_user, _) = url.split_once(&format!("@{server}")).unwrap();
        let (user, _) = scheme_and_user.rsplit_once(':').unwrap();
        let silent = Proxy::before(&url).await;
        silent.set(Fault::Silence);
        let cases = [
            (
                url.replacen(server, "127.0.0.1:1", 1),
                "refused",
                "start PostgreSQL",
            ),
            (
                url.replacen(server, "no-such-host.invalid:5432", 1),
                "failed to lookup address",
                "correct the host",
            ),
            (
                format!("{user}:wrong@{server}/{}", url.rsplit_once('/').unwrap().1),
                "password authentication failed",
                "correct user and password",
            ),
            (
                format!("{scheme_and_user}@{server}/nothing"),
                "does not exist",
                "create the database",
            ),
            (silent.url(&url), "no answer within", "firewall"),
            ("nonsense".to_owned(), "postgres://", "correct "),
        ];
        for (changed, found, advice) in cases {
            for (variable, check) in [
                ("DATABASE_URL", "database"),
                ("OPERATOR_DATABASE_URL", "operators' database"),
            ] {
                let told = told(&examined(world, &[(variable, &changed)], 1).await, check);
                assert!(told.contains(found) && told.contains(advice), "{changed}: {told}");
                assert!(told.contains(variable), "{told}");
            }
        }
        // The workers' own log-in is not one for operators.
        let found = examined(world, &[("OPERATOR_DATABASE_URL", &url)], 0).await;
        assert_eq!(verdict(&found, "operators' database"), "warning", "{found}");
    })
    .await;
}
