//! A job that is published again is the same import, and an import's ID belongs to its first job.

use kit::{Worker, good_rows, in_world};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_id_belongs_to_its_first_job() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        let job = world.submit(tenant, good_rows(3)).await;
        let event = world.final_event(&job).await;

        let mut of_other = world.upload(other, good_rows(5)).await;
        of_other["import_id"] = job["import_id"].clone();
        world.publish(&of_other).await;
        assert_eq!(world.dead_letter().await.0, "import_id_taken");
        let mut malformed = job.clone();
        malformed["usrname"] = json!(1);
        world.publish(&malformed).await;
        assert_eq!(world.dead_letter().await.0, "malformed");

        world.completed_whole(&job, 3).await;
        assert_eq!(
            world.final_events(&job),
            [event],
            "no other event speaks of the import"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_published_again_is_one_import() {
    in_world(async |world| {
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let job = world.submit(world.tenant().await, good_rows(200)).await;
        world.publish(&job).await;
        let event = world.completed_whole(&job, 200).await;
        let reports = world.reports(&event).await;

        world.publish(&job).await;
        world.event_once_more(&event).await;
        assert_eq!(world.final_events(&job), std::slice::from_ref(&event));
        assert_eq!(world.reports(&event).await, reports);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_three_times_at_once_is_one_import() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(100)).await;
        tokio::join!(world.publish(&job), world.publish(&job), world.publish(&job));
        let _workers = [(); 3].map(|()| Worker::start(world, &[]));
        let event = world.completed_whole(&job, 100).await;
        assert_eq!(world.final_events(&job), [event]);
    })
    .await;
}
