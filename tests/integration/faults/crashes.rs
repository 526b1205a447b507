//! The worker dies in each of the narrow windows: between every commit, publication, upload and acknowledgement.

use kit::{Fault, Proxy, Worker, World, final_data, good_rows, id, in_world, variable};
use serde_json::Value;

/// Runs an import whose first worker dies at each of the places, and whose second one is healthy.
async fn dies_at(places: &[&str]) {
    in_world(async |world| {
        for place in places {
            eprintln!("dying at {place}");
            let job = world.upload(world.tenant().await, good_rows(30)).await;
            let doomed = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return"))]);
            world.publish(&job).await;
            let status = doomed.died().await;
            assert!(!status.success(), "{place}: {status}");
            let next = Worker::start(world, &[]);
            world.completed_whole(&job, 30).await;
            // What still comes are repeats of the same event.
            next.terminate().await;
            completed_once(world, &job).await;
        }
    })
    .await;
}

/// The import is whole, and there is only one completion event.
async fn completed_once(world: &World, job: &Value) {
    let event = world.completed_whole(job, 30).await;
    assert_eq!(world.final_events(job), [event]);
}

/// An import that was planned by a worker that then died.
async fn planned(world: &World) -> Value {
    let planner = Worker::start(world, &[("FAILPOINTS", "planned=return")]);
    let job = world.submit(world.tenant().await, good_rows(30)).await;
    planner.died().await;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_job_loses_nothing() {
    dies_at(&["received", "job-published", "job-acknowledged"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_plan_loses_nothing() {
    dies_at(&["planned", "plan-due-published", "plan-due-acknowledged"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_a_batch_loses_nothing() {
    dies_at(&["hashed", "settled", "rows-due-published", "rows-due-acknowledged"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_reports_loses_no_password() {
    dies_at(&[
        "success-uploaded",
        "errors-uploaded",
        "completed",
        "report-due-published",
        "report-due-acknowledged",
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_fails_an_import_still_tells_the_dialer() {
    in_world(async |world| {
        for place in ["given-up", "failure-told"] {
            // A running import whose seed is corrupt: its batches cannot be done, and no retry fixes that.
            let job = planned(world).await;
            world
                .execute("UPDATE imports.imports SET sealed_seed = 'spoilt' WHERE state = 'running'")
                .await;
            let doomed = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return"))]);
            assert!(!doomed.died().await.success(), "{place}");
            let next = Worker::start(world, &[]);
            let event = world.final_event(&job).await;
            assert_eq!(
                final_data(&event, "failed")["reason"],
                "permanent_error",
                "{place}"
            );
            next.terminate().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_it_has_scheduled_a_retry_completes_the_import_once() {
    in_world(async |world| {
        let ailing = Proxy::before(&variable("S3_ENDPOINT")).await;
        ailing.set(Fault::Answer(503));
        let endpoint = ailing.url(&variable("S3_ENDPOINT"));
        let doomed = Worker::start(
            world,
            &[("FAILPOINTS", "put-off=return"), ("S3_ENDPOINT", &endpoint)],
        );
        let job = world.submit(world.tenant().await, good_rows(30)).await;
        assert!(!doomed.died().await.success());
        // The message and its delayed copy: both come.
        let next = Worker::start(world, &[]);
        completed_once(world, &job).await;
        world.until_no_work_waits().await;
        assert_eq!(world.logged().matches("step failed, retrying in").count(), 1);
        next.terminate().await;
        completed_once(world, &job).await;
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_a_rescue_leaves_it_to_the_next() {
    in_world(async |world| {
        let swept = ("SWEEP_SECONDS", "1");
        for place in [
            "probes-committed",
            "probes-published",
            "lost-committed",
            "lost-published",
        ] {
            let job = planned(world).await;
            world.purge_all().await;
            let doomed = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return")), swept]);
            assert!(!doomed.died().await.success(), "{place}");
            let next = Worker::start(world, &[swept]);
            completed_once(world, &job).await;
            next.terminate().await;
            completed_once(world, &job).await;
        }
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_in_the_middle_of_a_rescue_finishes_it() {
    in_world(async |world| {
        let job = planned(world).await;
        world.purge_all().await;
        let slow = [
            ("FAILPOINTS", "lost-committed=sleep(2000)"),
            ("SWEEP_SECONDS", "1"),
        ];
        let sweeper = Worker::start(world, &slow);
        world.until("SELECT sweeps > 0 FROM imports.imports").await;
        assert!(sweeper.terminate().await.success());
        assert_eq!(world.waiting("imports.requested").await, 1);
        let _next = Worker::start(world, &[]);
        completed_once(world, &job).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_panics_is_retried_and_becomes_a_dead_letter_while_the_worker_lives() {
    in_world(async |world| {
        // Two panics are survived; more panics than retries are not.
        let twice = Worker::start(world, &[("FAILPOINTS", "hashed=2*panic")]);
        let job = world.submit(world.tenant().await, good_rows(20)).await;
        world.completed_whole(&job, 20).await;
        assert!(twice.terminate().await.success());

        let job = world.upload(world.tenant().await, good_rows(20)).await;
        let always = Worker::start(world, &[("FAILPOINTS", &format!("begun-{}=panic", id(&job)))]);
        let event = world.run(&job).await;
        assert_eq!(final_data(&event, "refused")["reason"], "retries_exhausted");
        assert_eq!(world.dead_letter().await.0, "retries_exhausted");
        // The worker is alive.
        let other = world.submit(world.tenant().await, good_rows(20)).await;
        world.completed_whole(&other, 20).await;
        assert!(always.terminate().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_every_worker_fails_its_import_and_no_other() {
    in_world(async |world| {
        let job = world.submit(world.tenant().await, good_rows(20)).await;
        let beside = world.submit(world.tenant().await, good_rows(20)).await;
        let deadly = format!("begun-{}=return", id(&job));
        let dying = async {
            loop {
                Worker::start(world, &[("FAILPOINTS", &deadly)]).died().await;
            }
        };
        let event = tokio::select! { event = world.final_event(&job) => event, () = dying => unreachable!() };
        assert_eq!(final_data(&event, "refused")["reason"], "kills_workers");
        let _well = Worker::start(world, &[]);
        world.completed_whole(&beside, 20).await;
        assert_eq!(world.dead_letter().await.0, "kills_workers");
    })
    .await;
}
