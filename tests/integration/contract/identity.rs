//! An import ID names one import for ever, and an event ID one event, whatever is purged, replayed and published again.

use kit::{Worker, World, eventually, final_data, id, in_world};
use serde_json::Value;

/// One row is created, one is an error.
const FILE: &str = "username,email,ext,role\nann,ann@example.com,21,10\nbob,bob,22,10\n";

/// Publishes the job again, and waits for one more event with this ID.
async fn told_again(world: &World, job: &Value, event: &Value) -> Vec<Value> {
    let of_this_id = || -> Vec<Value> {
        let events = world.events(job).into_iter();
        events.filter(|again| again["id"] == event["id"]).collect()
    };
    let before = of_this_id().len();
    world.publish(job).await;
    eventually("the event once more", async || {
        let again = of_this_id();
        (again.len() > before).then_some(again)
    })
    .await
}

async fn users(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM dialer.users")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_event_stays_as_it_was_when_rows_are_purged() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let job = world.upload(tenant, FILE).await;
        world.publish(&job).await;
        let first = world.final_event(&job).await;
        assert_eq!(final_data(&first, "completed")["problems"][0]["row"], 2);

        // A replay has an event of its own, and leaves the first one alone.
        world.json_of(&["replay", "--errors", id(&job)], 0).await;
        let second = world.event_of_attempt(&job, 2).await;
        assert_ne!(second["id"], first["id"]);
        for stage in ["--success-days", "--rows-days"] {
            let purged = world.json_of(&["purge", "--yes", stage, "0"], 0).await;
            assert_eq!(purged["changed"], true, "{stage}: {purged}");
            for again in told_again(world, &job, &second).await {
                assert_eq!(again, second, "{stage}");
            }
        }
        assert_eq!(users(world).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_purged_import_names_no_other() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        let job = world.upload(tenant, FILE).await;
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        let purged = world.json_of(&["purge", "--yes", "--imports-days", "0"], 0).await;
        assert_eq!(purged["imports"], 1, "{purged}");

        world.publish(&job).await;
        assert_eq!(world.dead_letter().await.0, "import_purged");
        // Another tenant learns no more than that the ID is taken.
        let mut of_other = world.upload(other, FILE).await;
        of_other["import_id"] = job["import_id"].clone();
        world.publish(&of_other).await;
        assert_eq!(world.dead_letter().await.0, "import_id_taken");

        let named: Vec<Value> = world
            .events(&job)
            .into_iter()
            .filter(|again| again["id"] == event["id"])
            .collect();
        assert_eq!(named, [event], "the ID of an event names one event");
        assert_eq!(users(world).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_of_an_earlier_release_is_remembered_too() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let job = world.upload(world.tenant().await, FILE).await;
        world.publish(&job).await;
        world.final_event(&job).await;
        sqlx::query("DELETE FROM imports.imports")
            .execute(&world.db)
            .await
            .unwrap();
        let purged = world
            .context()
            .db
            .find_purged(id(&job).parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(purged.state.unwrap().as_str(), "completed");
        assert_eq!(
            (purged.attempt, purged.tenant_id.get()),
            (1, job["tenant_id"].as_i64().unwrap())
        );
        world.publish(&job).await;
        assert_eq!(world.dead_letter().await.0, "import_purged");
    })
    .await;
}
