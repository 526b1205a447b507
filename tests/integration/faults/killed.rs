//! A worker may die at any moment: nothing is lost, nothing is doubled, no password changes.

use kit::{Worker, World, eventually, in_world};
use serde_json::json;

use crate::imports::outcomes::{assert_passwords_verify, good_rows};

/// Slow enough that an import lasts for a while.
const SLOW: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "8192"),
    ("ARGON2_PASSES", "1"),
    ("ARGON2_IMPLEMENTATION", "reference"),
];

async fn until_created(world: &World, at_least: i64) {
    eventually("users", async || {
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users")
            .fetch_one(&world.db)
            .await
            .unwrap();
        (users >= at_least).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_an_import_loses_nothing_while_another_goes_on() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let mut doomed = Worker::start(world, SLOW);
        let _other = Worker::start(world, SLOW);
        let job = world.upload(tenant, good_rows(500)).await;
        world.publish(&job).await;
        until_created(world, 50).await;
        doomed.kill();
        let event = world.final_event(&job).await;
        assert_eq!(
            event["data"]["summary"],
            json!({"total": 500, "created": 500, "duplicates": 0, "errors": 0, "cancelled": 0})
        );
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_worker_killed_again_and_again_finishes_all_the_same() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        for users in [0, 25, 75, 150, 225] {
            let mut worker = Worker::start(world, SLOW);
            until_created(world, users).await;
            worker.kill();
        }
        let _last = Worker::start(world, SLOW);
        let event = world.final_event(&job).await;
        assert_eq!(event["data"]["summary"]["created"], 300);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_finishes_what_it_holds_and_hands_the_rest_over() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let worker = Worker::start(world, SLOW);
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        until_created(world, 25).await;
        let status = worker.terminate().await;
        assert!(status.success(), "{status}");
        let created: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(created % 25, 0, "whole batches");
        assert!(created < 300, "it did not stay until the end");
        assert!(!world.logged().contains("ERROR"), "{}", world.logged());

        let _next = Worker::start(world, SLOW);
        let event = world.final_event(&job).await;
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}
