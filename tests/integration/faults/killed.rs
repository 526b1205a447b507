//! A worker may die at any moment: nothing is lost, nothing is duplicated, no password changes.

use kit::{Worker, good_rows, in_world};

/// Slow enough that an import lasts for a while.
pub(crate) const SLOW: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "8192"),
    ("ARGON2_PASSES", "1"),
    ("ARGON2_IMPLEMENTATION", "reference"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_an_import_loses_nothing_while_another_goes_on() {
    in_world(async |world| {
        let mut doomed = Worker::start(world, SLOW);
        let _other = Worker::start(world, SLOW);
        let job = world.submit(world.tenant().await, good_rows(500)).await;
        world.until_users(50).await;
        doomed.kill();
        world.completed_whole(&job, 500).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_worker_killed_again_and_again_finishes_all_the_same() {
    in_world(async |world| {
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        for users in [0, 25, 75, 150, 225] {
            let mut worker = Worker::start(world, SLOW);
            world.until_users(users).await;
            worker.kill();
        }
        let _last = Worker::start(world, SLOW);
        world.completed_whole(&job, 300).await;
    })
    .await;
}
