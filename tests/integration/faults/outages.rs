//! The servers may be away at any time: an import waits for them, and goes on when they are back.

use std::time::{Duration, Instant};

use kit::{Fault, Proxy, Tenant, Worker, World, eventually, in_world};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::{
    imports::outcomes::{assert_passwords_verify, good_rows},
    operators::cancel_and_replay::run,
};

/// Slow enough that an outage falls into the middle of an import.
const SLOW: &[(&str, &str)] = &[("ARGON2_MEMORY_KIB", "4096"), ("ARGON2_PASSES", "1")];

/// The proxies through which a worker reaches its servers.
pub(super) struct Way {
    pub(super) database: Proxy,
    broker: Proxy,
    storage: Proxy,
    variables: Vec<(&'static str, String)>,
}

impl Way {
    pub(super) async fn of(world: &World) -> Self {
        let variable = |name: &str| {
            let own = world.variables().into_iter().find(|(own, _)| *own == name);
            own.map_or_else(|| std::env::var(name).unwrap(), |(_, value)| value)
        };
        let (database, broker, storage) = (
            variable("DATABASE_URL"),
            variable("AMQP_URL"),
            variable("S3_ENDPOINT"),
        );
        let (to_database, to_broker, to_storage) = (
            Proxy::before(&database).await,
            Proxy::before(&broker).await,
            Proxy::before(&storage).await,
        );
        let variables = vec![
            ("DATABASE_URL", to_database.url(&database)),
            ("AMQP_URL", to_broker.url(&broker)),
            ("S3_ENDPOINT", to_storage.url(&storage)),
        ];
        Self {
            database: to_database,
            broker: to_broker,
            storage: to_storage,
            variables,
        }
    }

    pub(super) fn worker(&self, world: &World) -> Worker {
        let own = self.variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<(&str, &str)> = own.chain(SLOW.iter().copied()).collect();
        Worker::start(world, &variables)
    }
}

async fn rows_done(world: &World, at_least: i64) {
    eventually("rows", async || {
        let done: i64 = sqlx::query_scalar("SELECT count(*) FROM imports.rows WHERE outcome <> 'pending'")
            .fetch_one(&world.db)
            .await
            .unwrap();
        (done >= at_least).then_some(())
    })
    .await;
}

/// Lets no batch make users once there are some: what is to happen in the middle of an import happens there, however
/// slow the test and however fast the worker.
pub(super) struct Gate(Transaction<'static, Postgres>);

impl Gate {
    const LOCK: i64 = 1;

    pub(super) async fn after(world: &World, users: u32) -> Self {
        let lock = Self::LOCK;
        sqlx::raw_sql(AssertSqlSafe(format!(
            "CREATE FUNCTION dialer.wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF (SELECT count(*) FROM dialer.users) >= {users} THEN
                     PERFORM pg_advisory_xact_lock_shared({lock});
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER gate BEFORE INSERT ON dialer.users EXECUTE FUNCTION dialer.wait_at_the_gate();"
        )))
        .execute(&world.db)
        .await
        .unwrap();
        let mut keeper = world.db.begin().await.unwrap();
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(lock)
            .execute(&mut *keeper)
            .await
            .unwrap();
        Self(keeper)
    }

    /// A batch waits.
    pub(super) async fn reached(&self, world: &World) {
        someone_waits(
            world,
            &format!("classid = 0 AND objid = {} AND objsubid = 1", Self::LOCK),
        )
        .await;
    }

    pub(super) async fn open(self) {
        self.0.rollback().await.unwrap();
    }
}

/// A step waits for an advisory lock of this kind.
async fn someone_waits(world: &World, lock: &str) {
    eventually("a step that waits", async || {
        let waiting: bool = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database
                             WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted AND {lock})"
        )))
        .fetch_one(&world.db)
        .await
        .unwrap();
        waiting.then_some(())
    })
    .await;
}

pub(super) async fn logged(world: &World, text: &str) {
    eventually(text, async || world.logged().contains(text).then_some(())).await;
}

pub(super) async fn finished_whole(world: &World, tenant: Tenant, job: &Value, rows: u32) {
    let event = world.final_event(job).await;
    assert_eq!(
        event["data"]["summary"],
        json!({"total": rows, "created": rows, "duplicates": 0, "errors": 0, "cancelled": 0}),
        "{event}"
    );
    assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    assert_eq!(world.dead_letters().await, 0);
}

/// (tries of the import, times that a message of it was handed out in vain)
pub(super) async fn tries(world: &World) -> i32 {
    sqlx::query_scalar("SELECT tries FROM imports.imports")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_away_at_the_start_are_waited_for() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        for proxy in [&way.database, &way.broker, &way.storage] {
            proxy.set(Fault::Cut);
        }
        let job = world.upload(tenant, good_rows(10)).await;
        world.publish(&job).await;
        let _worker = way.worker(world);
        logged(world, "database unavailable, retrying").await;
        way.database.set(Fault::None);
        logged(world, "broker unavailable, retrying").await;
        way.broker.set(Fault::None);
        logged(world, "error=object storage: reading").await;
        way.storage.set(Fault::None);
        finished_whole(world, tenant, &job, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_newer_than_the_schema_waits_until_it_is_migrated() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        // The newest one: a worker must not take up an older schema for its own.
        let taken = "CREATE TABLE taken AS SELECT * FROM _sqlx_migrations ORDER BY version DESC LIMIT 1;
            DELETE FROM _sqlx_migrations WHERE version IN (SELECT version FROM taken)";
        sqlx::raw_sql(taken).execute(&world.db).await.unwrap();
        let job = world.upload(tenant, good_rows(10)).await;
        world.publish(&job).await;
        let _worker = Worker::start(world, &[]);
        logged(world, "the schema is not up to date").await;
        assert_eq!(world.waiting("imports.requested").await, 1);
        let back = "INSERT INTO _sqlx_migrations SELECT * FROM taken";
        sqlx::raw_sql(back).execute(&world.db).await.unwrap();
        finished_whole(world, tenant, &job, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_is_waited_for_without_counting_a_try() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        let _worker = way.worker(world);
        let gate = Gate::after(world, 25).await;
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        gate.reached(world).await;
        way.database.set(Fault::Cut);
        gate.open().await;
        logged(world, "database unavailable, keeping").await;
        // How long the outage lasts; nothing is waited for here.
        tokio::time::sleep(Duration::from_secs(2)).await;
        way.database.set(Fault::None);
        finished_whole(world, tenant, &job, 300).await;
        assert_eq!(tries(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_somebody_who_speaks_another_protocol_is_waited_for_without_counting_a_try() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        let _worker = way.worker(world);
        let gate = Gate::after(world, 25).await;
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        gate.reached(world).await;
        // As a load balancer does whose servers are gone.
        way.database.set(Fault::Answer(503));
        gate.open().await;
        logged(world, "unexpected response from SSLRequest").await;
        way.database.set(Fault::None);
        finished_whole(world, tenant, &job, 300).await;
        assert_eq!(tries(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent_are_noticed_within_seconds() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        let _worker = way.worker(world);
        let gate = Gate::after(world, 25).await;
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        gate.reached(world).await;
        way.database.set(Fault::Silence);
        way.broker.set(Fault::Silence);
        gate.open().await;
        logged(world, "database unavailable, keeping").await;
        logged(world, "reconnecting").await;
        way.database.set(Fault::None);
        way.broker.set(Fault::None);
        finished_whole(world, tenant, &job, 300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_again_and_again_delays_an_import_and_no_more() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        let _worker = way.worker(world);
        let job = world.upload(tenant, good_rows(200)).await;
        world.publish(&job).await;
        for rows in [1, 50, 100, 150] {
            rows_done(world, rows).await;
            way.broker.set(Fault::Cut);
            // How long the outage lasts; nothing is waited for here.
            tokio::time::sleep(Duration::from_millis(300)).await;
            way.broker.set(Fault::None);
        }
        finished_whole(world, tenant, &job, 200).await;
        assert_eq!(tries(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_answers_with_errors_delays_an_import_and_its_tries_can_be_seen() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        way.storage.set(Fault::Answer(503));
        let _worker = way.worker(world);
        let gate = Gate::after(world, 0).await;
        let job = world.upload(tenant, good_rows(30)).await;
        world.publish(&job).await;
        logged(world, "error=object storage: reading").await;
        way.storage.set(Fault::None);
        gate.reached(world).await;
        way.storage.set(Fault::Answer(500));
        gate.open().await;
        logged(world, "error=object storage: writing").await;
        way.storage.set(Fault::None);
        finished_whole(world, tenant, &job, 30).await;
        assert!(tries(world).await >= 2);
        let error: String = sqlx::query_scalar("SELECT last_error FROM imports.imports")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert!(error.starts_with("object storage: writing"), "{error}");
        // It is over, so nobody is told to mend it.
        let status = run(world, &["status", job["import_id"].as_str().unwrap()]).await;
        let status = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(status.contains("past error  object storage: writing"), "{status}");
        let watched = run(world, &["watch", job["import_id"].as_str().unwrap()]).await;
        let watched = String::from_utf8_lossy(&watched.stdout).into_owned();
        assert!(
            watched.starts_with("completed") && !watched.contains("object storage"),
            "{watched}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_counts_no_try_and_logs_no_trouble() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let mut workers = vec![Worker::start(world, SLOW), Worker::start(world, SLOW)];
        let jobs = [world.upload(tenant, good_rows(200)).await];
        for job in &jobs {
            world.publish(job).await;
        }
        for rows in [1, 50, 100] {
            rows_done(world, rows).await;
            let status = workers.remove(0).terminate().await;
            assert!(status.success(), "{status}");
            workers.push(Worker::start(world, SLOW));
        }
        finished_whole(world, tenant, &jobs[0], 200).await;
        assert_eq!(tries(world).await, 0);
        let log = world.logged();
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    })
    .await;
}

/// Told to stop, the worker ends before a question to a silent server is given up, which takes ten seconds.
async fn stops_at_once(worker: Worker) {
    let told = Instant::now();
    let status = worker.terminate().await;
    assert!(status.success(), "{status}");
    let took = told.elapsed();
    assert!(took < Duration::from_secs(6), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_a_silent_database_stops_at_once() {
    in_world(async |world| {
        let (tenant, way) = (world.tenant().await, Way::of(world).await);
        way.database.set(Fault::Silence);
        let worker = way.worker(world);
        logged(world, "hashing").await;
        stops_at_once(worker).await;

        way.database.set(Fault::None);
        let worker = way.worker(world);
        let gate = Gate::after(world, 25).await;
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        gate.reached(world).await;
        way.database.set(Fault::Silence);
        gate.open().await;
        logged(world, "database unavailable, keeping").await;
        stops_at_once(worker).await;

        way.database.set(Fault::None);
        let _next = way.worker(world);
        finished_whole(world, tenant, &job, 300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_twice_leaves_its_work_to_the_next() {
    in_world(async |world| {
        for (signal, code) in [("TERM", 143), ("INT", 130)] {
            let tenant = world.tenant().await;
            // A step that waits for the tenant's lock is in hand, and stays there.
            let lock = format!("user-import tenant {}", tenant.id);
            let mut holder = world.db.begin().await.unwrap();
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(lock)
                .execute(&mut *holder)
                .await
                .unwrap();
            let worker = Worker::start(world, &[]);
            let job = world.upload(tenant, good_rows(100)).await;
            world.publish(&job).await;
            someone_waits(world, "true").await;
            worker.send(signal);
            let stopping = if signal == "TERM" { 1 } else { 2 };
            eventually("the first signal", async || {
                (world.logged().matches(" stopping").count() >= stopping).then_some(())
            })
            .await;
            worker.send(signal);
            assert_eq!(worker.died().await.code(), Some(code));
            holder.rollback().await.unwrap();
            let next = Worker::start(world, SLOW);
            finished_whole(world, tenant, &job, 100).await;
            next.terminate().await;
        }
    })
    .await;
}
