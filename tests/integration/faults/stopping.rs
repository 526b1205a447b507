//! A worker that is told to stop finishes what it holds, hands the rest over and ends at once, whatever it waits for.

use std::time::{Duration, Instant};

use kit::{Fault, Gate, Worker, eventually, good_rows, in_world};

use crate::faults::{
    killed,
    outages::{SLOW, finished_whole, retry_count, rows_done, slow_worker, ways_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_finishes_what_it_holds_and_hands_the_rest_over() {
    in_world(async |world| {
        let worker = Worker::start(world, killed::SLOW);
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        world.until_users(25).await;
        let status = worker.terminate().await;
        assert!(status.success(), "{status}");
        let created: i64 = world.value("SELECT count(*) FROM dialer.users").await;
        assert_eq!(created % 25, 0, "whole batches");
        assert!(created < 300, "it did not stay until the end");
        assert!(!world.logged().contains("ERROR"), "{}", world.logged());

        let _next = Worker::start(world, killed::SLOW);
        world.completed_whole(&job, 300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_counts_no_retry_and_logs_no_warning() {
    in_world(async |world| {
        let mut workers = vec![Worker::start(world, SLOW), Worker::start(world, SLOW)];
        let job = world.submit(world.tenant().await, good_rows(200)).await;
        for rows in [1, 50, 100] {
            rows_done(world, rows).await;
            let status = workers.remove(0).terminate().await;
            assert!(status.success(), "{status}");
            workers.push(Worker::start(world, SLOW));
        }
        finished_whole(world, &job, 200).await;
        assert_eq!(retry_count(world).await, 0);
        let log = world.logged();
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    })
    .await;
}

/// Told to stop, the worker ends before a request to a silent server times out, which takes ten seconds.
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
        let ways = ways_of(world).await;
        ways.database.set(Fault::Silence);
        let worker = slow_worker(world, &ways);
        world.until_logged("hashing").await;
        stops_at_once(worker).await;

        ways.database.set(Fault::None);
        let worker = slow_worker(world, &ways);
        let gate = Gate::after(world, 25).await;
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        gate.reached(world).await;
        ways.database.set(Fault::Silence);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        stops_at_once(worker).await;

        ways.database.set(Fault::None);
        let _next = slow_worker(world, &ways);
        finished_whole(world, &job, 300).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_twice_leaves_its_work_to_the_next() {
    in_world(async |world| {
        for (signal, code) in [("TERM", 143), ("INT", 130)] {
            let tenant = world.tenant().await;
            // A step that waits for the tenant's lock is in progress, and stays so.
            let gate = Gate::before_tenant(world, tenant).await;
            let worker = Worker::start(world, &[]);
            let job = world.submit(tenant, good_rows(100)).await;
            gate.reached(world).await;
            let stops = || world.logged().matches(" stopping").count();
            let stops_before = stops();
            worker.send(signal);
            eventually("the first signal", async || {
                (stops() > stops_before).then_some(())
            })
            .await;
            worker.send(signal);
            assert_eq!(worker.died().await.code(), Some(code));
            gate.open().await;
            let next = Worker::start(world, SLOW);
            finished_whole(world, &job, 100).await;
            next.terminate().await;
        }
    })
    .await;
}
