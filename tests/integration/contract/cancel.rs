//! The Dialer cancels an import by a separate message, before a worker has taken it or while it runs.

use kit::{Tenant, Worker, World, eventually, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

fn cancel_of(job: &Value) -> Value {
    json!({ "version": 1, "import_id": id(job), "tenant_id": job["tenant_id"], "requested_by": "olga@example.com" })
}

async fn users(world: &World, tenant: Tenant) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM dialer.users WHERE tenant_id = $1")
        .bind(tenant.id.get())
        .fetch_one(&world.db)
        .await
        .unwrap()
}

async fn requests(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM imports.cancellations")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_cancelled_before_its_job_comes() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(5)).await;
        world.publish_to("cancel", cancel_of(&job).to_string()).await;
        eventually("the request", async || (requests(world).await == 1).then_some(())).await;

        let event = world.run(&job).await;
        let data = final_data(&event, "cancelled");
        assert!(data["reports"].is_null(), "the file was never read: {data}");
        assert_eq!(users(world, tenant).await, 0);
        eventually("the end of the request", async || {
            (requests(world).await == 0).then_some(())
        })
        .await;
        let operator: String =
            sqlx::query_scalar("SELECT operator FROM imports.audit WHERE command = 'cancel'")
                .fetch_one(&world.db)
                .await
                .unwrap();
        assert!(
            operator.ends_with(" as olga@example.com"),
            "what a worker was told, and by whom: {operator}"
        );

        // Operators may resume it; the old request does not stop that.
        world
            .json_of(&["replay", id(&job), "--cancelled", "--yes"], 0)
            .await;
        let replayed = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&replayed, "completed")["summary"]["created"], 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_import_is_cancelled_and_its_passwords_are_delivered() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("BATCH_ROWS", "1")]);
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(500)).await;
        eventually("some users", async || {
            (users(world, tenant).await > 0).then_some(())
        })
        .await;
        // However often it comes.
        for _ in 0..2 {
            world.publish_to("cancel", cancel_of(&job).to_string()).await;
        }
        let event = world.final_event(&job).await;
        let data = final_data(&event, "cancelled");
        assert!(data["summary"]["cancelled"].as_u64().unwrap() > 0, "{data}");
        world.verified_reports(&event).await;
        assert_eq!(world.final_events(&job), [event]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_comes_too_late_or_from_another_tenant_changes_nothing() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        let job = world.submit(tenant, good_rows(3)).await;
        let event = world.completed_whole(&job, 3).await;
        world.publish_to("cancel", cancel_of(&job).to_string()).await;
        world.event_once_more(&event).await;
        assert_eq!(world.final_events(&job), [event]);

        let next = world.upload(tenant, good_rows(2)).await;
        let mut foreign = cancel_of(&next);
        foreign["tenant_id"] = json!(other.id);
        world.publish_to("cancel", foreign.to_string()).await;
        eventually("the request", async || (requests(world).await == 1).then_some(())).await;
        world.publish(&next).await;
        final_data(&world.final_event(&next).await, "completed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_cancel_message_becomes_a_dead_letter_and_cancels_nothing() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        // Under way while the message comes.
        world.json_of(&["pause", "--all"], 0).await;
        world.publish(&job).await;
        world
            .until("SELECT count(*) = 1 FROM imports.imports WHERE state IN ('received', 'running')")
            .await;
        let mut wrong = cancel_of(&job);
        wrong["reason"] = json!("none");
        world.publish_to("cancel", wrong.to_string()).await;
        assert_eq!(world.dead_letter().await.0, "malformed");
        world.json_of(&["resume", "--all"], 0).await;
        final_data(&world.final_event(&job).await, "completed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_was_set_aside_does_not_cancel_a_later_replay() {
    in_world(async |world| {
        let job = world.half_failed().await;
        // Workers can record the request, but cannot act on it.
        world
            .execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END';
                 CREATE TRIGGER refuse BEFORE INSERT ON imports.audit FOR EACH ROW EXECUTE FUNCTION refuse()",
            )
            .await;
        let _worker = Worker::start(world, &[]);
        world.publish_to("cancel", cancel_of(&job).to_string()).await;
        world.dead_letter().await;
        world
            .execute("DROP TRIGGER refuse ON imports.audit")
            .await;
        eventually("the end of the request", async || {
            (requests(world).await == 0).then_some(())
        })
        .await;
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_is_replayed_cancels() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let letter = world
            .set_aside("permanent_error", "cancel", &cancel_of(&job))
            .await;
        world.json_of(&["dead", "replay", &letter.to_string()], 0).await;
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "cancelled")["summary"]["created"], 25);
    })
    .await;
}
