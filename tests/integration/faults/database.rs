//! A database that answers, and yet does not do what it is asked: read-only, out of connections, of another locale.

use std::time::Duration;

use kit::{Fault, Gate, Proxy, Worker, World, eventually, good_rows, in_world, variable};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::operators::doctor::{examined, told, verdict};

use super::outages::{finished_whole, retry_count, slow_worker, ways_of};

/// As after a failover, or when an administrator has set it. Sessions that are open stay as they are.
async fn set_read_only(world: &World, read_only: bool) {
    sqlx::raw_sql(AssertSqlSafe(format!(
        "BEGIN READ WRITE;
         DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = {read_only}', current_database()); END $$;
         COMMIT;"
    )))
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_published_while_the_database_is_read_only_waits_and_counts_no_try() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        set_read_only(world, true).await;
        let _worker = Worker::start(world, &[]);
        let job = world.submit(tenant, good_rows(40)).await;
        world.until_logged("database: it is read-only").await;
        set_read_only(world, false).await;
        finished_whole(world, &job, 40).await;
        assert_eq!(retry_count(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_began_read_only_are_not_kept_when_the_database_is_writable_again() {
    in_world(async |world| {
        let (tenant, ways) = (world.tenant().await, ways_of(world).await);
        let _worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 25).await;
        let job = world.submit(tenant, good_rows(300)).await;
        gate.reached(world).await;
        set_read_only(world, true).await;
        // All sessions are new after this.
        ways.database.set(Fault::Cut);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        ways.database.set(Fault::None);
        world.until_logged("read-only").await;
        set_read_only(world, false).await;
        finished_whole(world, &job, 300).await;
        assert_eq!(retry_count(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_connections_than_a_worker_would_take_are_waited_for_and_are_no_outage() {
    in_world(async |world| {
        let login = Login::create(world, "CONNECTION LIMIT 3").await;
        let worker = Worker::start(world, &[("BATCH_ROWS", "10"), ("DATABASE_URL", &login.url)]);
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(world.submit(world.tenant().await, good_rows(100)).await);
        }
        for job in &jobs {
            finished_whole(world, job, 100).await;
        }
        let log = world.logged();
        assert!(!log.contains("unavailable"), "{log}");
        drop(worker);
        login.drop(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_being_changed_is_waited_for_and_counts_no_try() {
    in_world(async |world| {
        let login = Login::create(world, "").await;
        let proxy = Proxy::before(&login.url).await;
        let worker = Worker::start(world, &[("DATABASE_URL", &proxy.url(&login.url))]);
        world.until_logged("connected, consuming").await;
        login.alter(world, "PASSWORD 'another'").await;
        // All sessions are new after this.
        proxy.set(Fault::Cut);
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(40)).await;
        world.until_logged("database unavailable").await;
        proxy.set(Fault::None);
        world.until_logged("password authentication failed").await;
        login.alter(world, "PASSWORD 'first'").await;
        finished_whole(world, &job, 40).await;
        assert_eq!(retry_count(world).await, 0);
        drop(worker);
        login.drop(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_that_a_load_balancer_has_dropped_are_not_waited_for() {
    in_world(async |world| {
        let url = world.variable("DATABASE_URL");
        let proxy = Proxy::before(&url).await;
        let url = proxy.url(&url);
        // The rescue asks the database now and then; not in this test.
        let _worker = Worker::start(world, &[("DATABASE_URL", &url), ("SWEEP_SECONDS", "3600")]);
        let tenants = [world.tenant().await, world.tenant().await];
        let job = world.submit(tenants[0], good_rows(40)).await;
        finished_whole(world, &job, 40).await;
        // Idle for longer than a connection is trusted without being asked: all but the one on which the worker asks for
        // pauses now and then.
        proxy.forget_idle(Duration::from_millis(3500));
        world
            .until(
                "SELECT count(*) FILTER (WHERE state_change > now() - interval '3600 ms') < 2 FROM pg_stat_activity
                  WHERE datname = current_database() AND usename <> current_user AND backend_type = 'client backend'",
            )
            .await;
        let job = world.submit(tenants[1], good_rows(40)).await;
        finished_whole(world, &job, 40).await;
        let log = world.logged();
        assert!(!log.contains("WARN"), "{log}");
    })
    .await;
}

/// A log-in of workers that belongs to one test.
struct Login {
    name: String,
    url: String,
}

impl Login {
    async fn create(world: &World, options: &str) -> Self {
        let name = format!("t{:08x}", uuid::Uuid::new_v4().as_fields().0);
        let create =
            format!("CREATE ROLE {name} LOGIN PASSWORD 'first' IN ROLE user_import_worker {options}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&world.db)
            .await
            .unwrap();
        let own = world.variable("DATABASE_URL");
        let (_, server) = own.rsplit_once('@').unwrap();
        Self {
            url: format!("postgres://{name}:first@{server}"),
            name,
        }
    }

    async fn alter(&self, world: &World, change: &str) {
        let alter = format!("ALTER ROLE {} {change}", self.name);
        sqlx::raw_sql(AssertSqlSafe(alter))
            .execute(&world.db)
            .await
            .unwrap();
    }

    async fn drop(self, world: &World) {
        let drop = format!("DROP ROLE {}", self.name);
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(&world.db)
            .await
            .unwrap();
    }
}

/// Creates a database with these options, and runs a command of its owner in it.
async fn in_database(options: &str, test: impl AsyncFnOnce(&str)) {
    let owner = variable("MIGRATE_DATABASE_URL");
    let name = format!("t{:08x}", uuid::Uuid::new_v4().as_fields().0);
    let admin = PgPool::connect(&owner).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!(
        "CREATE DATABASE {name} TEMPLATE template0 ALLOW_CONNECTIONS false {options}"
    )))
    .execute(&admin)
    .await
    .unwrap();
    // Other tests look at what the workers' log-in may connect to.
    for statement in [
        format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"),
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&admin)
            .await
            .unwrap();
    }
    let (start, _) = owner.rsplit_once('/').unwrap();
    test(&format!("{start}/{name}")).await;
    eventually("the end of the database", async || {
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&admin).await.ok()
    })
    .await;
}

fn migrate(world: &World, url: &str) -> (bool, String) {
    let mut command = world.command();
    let output = command
        .arg("migrate")
        .env("MIGRATE_DATABASE_URL", url)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_the_same_whatever_language_the_database_speaks() {
    in_world(async |world| {
        let turkish = "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C' ENCODING 'UTF8'";
        in_database(turkish, async |url| {
            let (ok, error) = migrate(world, url);
            assert!(ok, "{error}");
            let mut db = PgConnection::connect(url).await.unwrap();
            let is_turkish: bool = sqlx::query_scalar("SELECT lower('I') <> 'i'").fetch_one(&mut db).await.unwrap();
            assert!(is_turkish, "the database speaks Turkish");
            let add = "INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, sip_kind, password_hash)
                       VALUES (1, $1, $1, $2, $3, 'webrtc', '$argon2id$')";
            sqlx::raw_sql("INSERT INTO dialer.tenants (tenant_id, name) VALUES (1, 'Test')")
                .execute(&mut db)
                .await
                .unwrap();
            let added = sqlx::query(add).bind("a").bind("iris@example.com").bind("10").execute(&mut db).await;
            added.unwrap();
            let twice = sqlx::query(add).bind("b").bind("IRIS@EXAMPLE.COM").bind("11").execute(&mut db).await;
            assert!(twice.unwrap_err().to_string().contains("users_email"));
            db.close().await.unwrap();
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_hold_every_name_is_refused_in_words() {
    in_world(async |world| {
        in_database("ENCODING 'LATIN1' LOCALE 'C'", async |url| {
            let (ok, error) = migrate(world, url);
            assert!(
                !ok && error.contains("its encoding is LATIN1") && error.contains("UTF8"),
                "{error}"
            );
            let doctor = world
                .command()
                .arg("doctor")
                .env("DATABASE_URL", url)
                .output()
                .unwrap();
            let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
            assert!(found.contains("its encoding is LATIN1"), "{found}");
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_that_the_database_is_read_only() {
    in_world(async |world| {
        set_read_only(world, true).await;
        let found = examined(world, &[], 1).await;
        assert_eq!(verdict(&found, "database"), "failed", "{found}");
        let text = told(&found, "database");
        assert!(text.contains("it is read-only"), "{text}");
    })
    .await;
}
