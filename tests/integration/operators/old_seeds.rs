//! Password seeds of failed imports are not kept for ever; what that costs is said before it is done.

use kit::{Worker, World, eventually, final_data, id, in_world};
use serde_json::{Value, json};
use uuid::Uuid;

fn import_id(job: &Value) -> Uuid {
    id(job).parse().unwrap()
}

async fn failed_days_ago(world: &World, job: &Value, days: i32) {
    sqlx::query(
        "UPDATE imports.imports SET finished_at = now() - make_interval(days => $2) WHERE import_id = $1",
    )
    .bind(import_id(job))
    .bind(days)
    .execute(&world.db)
    .await
    .unwrap();
}

async fn has_seed(world: &World, job: &Value) -> bool {
    sqlx::query_scalar("SELECT sealed_seed IS NOT NULL FROM imports.imports WHERE import_id = $1")
        .bind(import_id(job))
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seed_of_an_import_that_failed_too_long_ago_is_destroyed_and_a_replay_says_whose_passwords_are_lost()
 {
    in_world(async |world| {
        let young = world.half_failed().await;
        let old = world.half_failed().await;
        let stopped = world.half_failed().await;
        failed_days_ago(world, &young, 2).await;
        failed_days_ago(world, &old, 4).await;
        failed_days_ago(world, &stopped, 4).await;
        let _worker = Worker::start(world, &[("SEED_DAYS", "3"), ("RESCUE_SECONDS", "1")]);
        eventually("the end of the old seeds", async || {
            (!has_seed(world, &old).await && !has_seed(world, &stopped).await).then_some(())
        })
        .await;
        assert!(has_seed(world, &young).await);
        world.until_logged("its password seed was destroyed").await;

        let status = world.json_of(&["status", id(&old)], 0).await;
        assert_eq!(
            (&status["undelivered_users"], &status["state"]),
            (&json!(25), &json!("failed"))
        );
        let refused = world.user_import(&["replay", id(&old)]).await;
        let says = ["25 users", "--abandon-passwords"];
        assert!(
            refused.code == Some(1) && says.iter().all(|text| refused.error.contains(text)),
            "{refused:?}"
        );
        let asked = world
            .json_of(&["replay", id(&old), "--abandon-passwords"], 5)
            .await;
        assert!(asked["would"].as_str().unwrap().contains("25 users"), "{asked}");
        world
            .json_of(&["replay", id(&old), "--abandon-passwords", "--yes"], 0)
            .await;
        let event = world.event_of_attempt(&old, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_eq!(world.reports(&event).await.success_rows().len(), 35);

        let asked = world.json_of(&["cancel", id(&stopped)], 5).await;
        assert!(
            asked["would"]
                .as_str()
                .unwrap()
                .contains("25 of them need new passwords"),
            "{asked}"
        );
        world.json_of(&["cancel", id(&stopped), "--yes"], 0).await;
        let event = world.event_of_attempt(&stopped, 2).await;
        assert_eq!(final_data(&event, "cancelled")["summary"]["cancelled"], 35);
        assert_eq!(world.reports(&event).await.success_rows().len(), 0);

        world.json_of(&["replay", id(&young)], 0).await;
        let event = world.event_of_attempt(&young, 2).await;
        assert_eq!(world.reports(&event).await.success_rows().len(), 60);
    })
    .await;
}
