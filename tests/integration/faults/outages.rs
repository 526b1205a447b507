//! The servers may be unavailable at any time: an import waits for them, and continues when they are back.

use std::time::Duration;

use kit::{Fault, Gate, Ways, Worker, World, eventually, good_rows, id, in_world};
use serde_json::Value;

/// Slow enough that an outage falls into the middle of an import.
pub(crate) const SLOW: &[(&str, &str)] = &[("ARGON2_MEMORY_KIB", "4096"), ("ARGON2_PASSES", "1")];

/// A slow worker, and the ways through which it reaches its servers.
pub(crate) async fn ways_of(world: &World) -> Ways {
    Ways::before(|name| world.variable(name)).await
}

pub(crate) fn slow_worker(world: &World, ways: &Ways) -> Worker {
    let variables: Vec<(&str, &str)> = ways.variables().chain(SLOW.iter().copied()).collect();
    Worker::start(world, &variables)
}

pub(crate) async fn rows_done(world: &World, at_least: i64) {
    eventually("rows", async || {
        let done: i64 = world
            .value("SELECT count(*) FROM imports.rows WHERE outcome <> 'pending'")
            .await;
        (done >= at_least).then_some(())
    })
    .await;
}

pub(crate) async fn finished_whole(world: &World, job: &Value, rows: u32) {
    world.completed_whole(job, rows).await;
    assert_eq!(world.dead_letters().await, 0);
}

pub(crate) async fn retry_count(world: &World) -> i32 {
    world.value("SELECT tries FROM imports.imports").await
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_away_at_the_start_are_waited_for() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        ways.set(Fault::Cut);
        let job = world.submit(world.tenant().await, good_rows(10)).await;
        let _worker = slow_worker(world, &ways);
        world.until_logged("database unavailable, retrying").await;
        ways.database.set(Fault::None);
        world.until_logged("broker unavailable, retrying").await;
        ways.broker.set(Fault::None);
        world.until_logged("error=object storage: reading").await;
        ways.storage.set(Fault::None);
        finished_whole(world, &job, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_newer_than_the_schema_waits_until_it_is_migrated() {
    in_world(async |world| {
        // The newest one: a worker must not take an older schema for its own.
        world
            .execute(
                "CREATE TABLE taken AS SELECT * FROM _sqlx_migrations ORDER BY version DESC LIMIT 1;
                 DELETE FROM _sqlx_migrations WHERE version IN (SELECT version FROM taken)",
            )
            .await;
        let job = world.submit(world.tenant().await, good_rows(10)).await;
        let _worker = Worker::start(world, &[]);
        world.until_logged("the schema is not up to date").await;
        assert_eq!(world.waiting("imports.requested").await, 1);
        world
            .execute("INSERT INTO _sqlx_migrations SELECT * FROM taken")
            .await;
        finished_whole(world, &job, 10).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_outage_delays_an_import_and_counts_no_retry() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        let _worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 25).await;
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        gate.reached(world).await;
        ways.database.set(Fault::Cut);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        // How long the outage lasts; nothing is waited for here.
        tokio::time::sleep(Duration::from_secs(2)).await;
        ways.database.set(Fault::None);
        finished_whole(world, &job, 300).await;
        assert_eq!(retry_count(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_behind_a_proxy_that_answers_in_http_delays_an_import_and_counts_no_retry() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        let _worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 25).await;
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        gate.reached(world).await;
        // As a load balancer does when its servers are gone.
        ways.database.set(Fault::Answer(503));
        gate.open().await;
        world.until_logged("unexpected response from SSLRequest").await;
        ways.database.set(Fault::None);
        finished_whole(world, &job, 300).await;
        assert_eq!(retry_count(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_fall_silent_are_noticed_within_seconds() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        let _worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 25).await;
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        gate.reached(world).await;
        ways.database.set(Fault::Silence);
        ways.broker.set(Fault::Silence);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        world.until_logged("reconnecting").await;
        ways.database.set(Fault::None);
        ways.broker.set(Fault::None);
        finished_whole(world, &job, 300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_outages_of_the_broker_delay_an_import_and_count_no_retry() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        let _worker = slow_worker(world, &ways);
        let job = world.submit(world.tenant().await, good_rows(200)).await;
        for rows in [1, 50, 100, 150] {
            rows_done(world, rows).await;
            ways.broker.set(Fault::Cut);
            // How long the outage lasts; nothing is waited for here.
            tokio::time::sleep(Duration::from_millis(300)).await;
            ways.broker.set(Fault::None);
        }
        finished_whole(world, &job, 200).await;
        assert_eq!(retry_count(world).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_answers_with_errors_delays_an_import_and_its_retries_can_be_seen() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        ways.storage.set(Fault::Answer(503));
        let _worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 0).await;
        let job = world.submit(world.tenant().await, good_rows(30)).await;
        world.until_logged("error=object storage: reading").await;
        ways.storage.set(Fault::None);
        gate.reached(world).await;
        ways.storage.set(Fault::Answer(500));
        gate.open().await;
        world.until_logged("error=object storage: writing").await;
        ways.storage.set(Fault::None);
        finished_whole(world, &job, 30).await;
        assert!(retry_count(world).await >= 2);
        let error: String = world.value("SELECT last_error FROM imports.imports").await;
        assert!(error.starts_with("object storage: writing"), "{error}");
        // The import has finished, so nobody is told to fix it.
        let status = world.user_import(&["status", id(&job)]).await.out;
        assert!(status.contains("past error  object storage: writing"), "{status}");
        let watched = world.user_import(&["watch", id(&job)]).await.out;
        assert!(
            watched.starts_with("completed") && !watched.contains("object storage"),
            "{watched}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_alone_has_lost_the_database_gives_its_messages_to_others() {
    in_world(async |world| {
        let ways = ways_of(world).await;
        let lost = slow_worker(world, &ways);
        let gate = Gate::after(world, 5).await;
        let job = world.submit(world.tenant().await, good_rows(60)).await;
        gate.reached(world).await;
        ways.database.set(Fault::Cut);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        let other = Worker::start(world, &[]);
        finished_whole(world, &job, 60).await;
        assert!(
            world
                .logged()
                .contains("database is still unavailable, giving back")
        );
        assert!(other.terminate().await.success());
        // It has a database again, and works.
        ways.database.set(Fault::None);
        let next = world.submit(world.tenant().await, good_rows(20)).await;
        finished_whole(world, &next, 20).await;
        drop(lost);
    })
    .await;
}
