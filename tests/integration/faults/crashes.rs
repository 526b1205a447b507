//! The worker dies in each of the narrow windows: between every commit, publication, upload and acknowledgement.

use kit::{Fault, Proxy, Tenant, Worker, World, eventually, final_data, in_world, variable};
use serde_json::{Value, json};

use crate::imports::outcomes::{assert_passwords_verify, good_rows};

/// Runs an import whose first worker dies at the place, and whose second one is well.
async fn dies_at(world: &World, place: &str) {
    let tenant = world.tenant().await;
    let doomed = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return"))]);
    let job = world.upload(tenant, good_rows(30)).await;
    world.publish(&job).await;
    let status = doomed.died().await;
    assert!(!status.success(), "{place}: {status}");
    let next = Worker::start(world, &[]);
    let event = world.final_event(&job).await;
    assert_eq!(
        final_data(&event, "completed")["summary"],
        json!({"total": 30, "created": 30, "duplicates": 0, "errors": 0, "cancelled": 0}),
        "{place}"
    );
    assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    // What still comes is repeats of the same event.
    next.terminate().await;
    let mut ids: Vec<_> = world
        .events(&job)
        .into_iter()
        .filter(|event| event["type"] != "dialer.import.progress")
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{place}: {ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_job_loses_nothing() {
    in_world(async |world| {
        for place in ["received", "job-published", "job-acknowledged"] {
            dies_at(world, place).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_plan_loses_nothing() {
    in_world(async |world| {
        for place in ["planned", "plan-due-published", "plan-due-acknowledged"] {
            dies_at(world, place).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_a_batch_loses_nothing() {
    in_world(async |world| {
        for place in ["hashed", "settled", "rows-due-published", "rows-due-acknowledged"] {
            dies_at(world, place).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_the_reports_loses_no_password() {
    in_world(async |world| {
        for place in [
            "success-uploaded",
            "errors-uploaded",
            "completed",
            "report-due-published",
            "report-due-acknowledged",
        ] {
            dies_at(world, place).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_gives_an_import_up_still_tells_the_dialer() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        for place in ["given-up", "failure-told"] {
            let variables = [("FAILPOINTS", format!("{place}=return"))];
            let variables: Vec<(&str, &str)> = variables
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let job = world.upload(tenant, good_rows(30)).await;
            // A running import whose seed is spoilt: its batches cannot be done, and no retry mends that.
            let mut planner = Worker::start(world, &[("FAILPOINTS", "planned=return")]);
            world.publish(&job).await;
            eventually("a plan", async || {
                let forgotten =
                    sqlx::query("UPDATE imports.imports SET sealed_seed = 'spoilt' WHERE state = 'running'")
                        .execute(&world.db)
                        .await
                        .unwrap();
                (forgotten.rows_affected() > 0).then_some(())
            })
            .await;
            planner.kill();
            let doomed = Worker::start(world, &variables);
            assert!(!doomed.died().await.success());
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

/// The import is whole, and whoever hears of it hears of one completion.
async fn ended_once(world: &World, tenant: Tenant, job: &Value, place: &str) {
    let event = world.final_event(job).await;
    assert_eq!(
        final_data(&event, "completed")["summary"],
        json!({"total": 30, "created": 30, "duplicates": 0, "errors": 0, "cancelled": 0}),
        "{place}"
    );
    assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    let others = world
        .events(job)
        .into_iter()
        .filter(|other| other["type"] != "dialer.import.progress" && other != &event);
    assert_eq!(others.count(), 0, "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_it_has_put_a_message_off_ends_the_import_once() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let ailing = Proxy::before(&variable("S3_ENDPOINT")).await;
        ailing.set(Fault::Answer(503));
        let endpoint = ailing.url(&variable("S3_ENDPOINT"));
        let doomed = Worker::start(
            world,
            &[("FAILPOINTS", "put-off=return"), ("S3_ENDPOINT", &endpoint)],
        );
        let job = world.upload(tenant, good_rows(30)).await;
        world.publish(&job).await;
        assert!(!doomed.died().await.success());
        // The message and its copy that was put off: both come.
        let next = Worker::start(world, &[]);
        ended_once(world, tenant, &job, "put-off").await;
        eventually("the end of both messages", async || {
            let copies = world.logged().matches("step failed, retrying in").count();
            let mut waiting = 0;
            for queue in ["imports.delay.1s", "imports.plans.00", "imports.plans.01"] {
                waiting += world.waiting(queue).await;
            }
            (copies == 1 && waiting == 0).then_some(())
        })
        .await;
        next.terminate().await;
        ended_once(world, tenant, &job, "put-off").await;
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_around_a_sweep_leaves_the_loss_to_the_next() {
    in_world(async |world| {
        let swept = ("SWEEP_SECONDS", "1");
        for place in [
            "probes-committed",
            "probes-published",
            "lost-committed",
            "lost-published",
        ] {
            let tenant = world.tenant().await;
            let planner = Worker::start(world, &[("FAILPOINTS", "planned=return")]);
            let job = world.upload(tenant, good_rows(30)).await;
            world.publish(&job).await;
            planner.died().await;
            world.purge_all().await;
            let doomed = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return")), swept]);
            assert!(!doomed.died().await.success(), "{place}");
            let next = Worker::start(world, &[swept]);
            ended_once(world, tenant, &job, place).await;
            next.terminate().await;
            ended_once(world, tenant, &job, place).await;
        }
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_in_the_middle_of_a_sweep_finishes_it() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let planner = Worker::start(world, &[("FAILPOINTS", "planned=return")]);
        let job = world.upload(tenant, good_rows(30)).await;
        world.publish(&job).await;
        planner.died().await;
        world.purge_all().await;
        let slow = [
            ("FAILPOINTS", "lost-committed=sleep(2000)"),
            ("SWEEP_SECONDS", "1"),
        ];
        let sweeper = Worker::start(world, &slow);
        eventually("a loss", async || {
            let found: bool = sqlx::query_scalar("SELECT sweeps > 0 FROM imports.imports")
                .fetch_one(&world.db)
                .await
                .unwrap();
            found.then_some(())
        })
        .await;
        assert!(sweeper.terminate().await.success());
        assert_eq!(world.waiting("imports.requested").await, 1);
        let _next = Worker::start(world, &[]);
        ended_once(world, tenant, &job, "stopped").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_step_is_retried_and_then_set_aside_with_the_worker_alive() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        // Two panics pass; more than are retried do not.
        let twice = Worker::start(world, &[("FAILPOINTS", "hashed=2*panic")]);
        let job = world.upload(tenant, good_rows(20)).await;
        world.publish(&job).await;
        final_data(&world.final_event(&job).await, "completed");
        assert!(twice.terminate().await.success());

        let job = world.upload(tenant, good_rows(20)).await;
        let always = Worker::start(
            world,
            &[(
                "FAILPOINTS",
                &format!("begun-{}=panic", job["import_id"].as_str().unwrap()),
            )],
        );
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], "retries_exhausted");
        assert_eq!(world.dead_letter().await.0, "retries_exhausted");
        // It is alive.
        let other = world.upload(world.tenant().await, good_rows(20)).await;
        world.publish(&other).await;
        final_data(&world.final_event(&other).await, "completed");
        assert!(always.terminate().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_every_worker_fails_its_import_and_no_other() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(20)).await;
        let beside = world.upload(world.tenant().await, good_rows(20)).await;
        let deadly = format!("begun-{}=return", job["import_id"].as_str().unwrap());
        world.publish(&job).await;
        world.publish(&beside).await;
        let failed = async { world.final_event(&job).await };
        let dying = async {
            loop {
                Worker::start(world, &[("FAILPOINTS", &deadly)]).died().await;
            }
        };
        let event = tokio::select! { event = failed => event, () = dying => unreachable!() };
        assert_eq!(final_data(&event, "failed")["reason"], "kills_workers");
        let _well = Worker::start(world, &[]);
        final_data(&world.final_event(&beside).await, "completed");
        assert_eq!(world.dead_letter().await.0, "kills_workers");
    })
    .await;
}
