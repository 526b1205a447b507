//! `purge` deletes what is past its retention period, and only those who are allowed to may run it.

use kit::{Worker, World, good_rows, id, in_world};
use serde_json::{Value, json};

use crate::operators::lists::texts;

async fn age(world: &World, days: i32) {
    sqlx::query("UPDATE imports.imports SET finished_at = now() - make_interval(days => $1)")
        .bind(days)
        .execute(&world.db)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_removes_what_is_old_step_by_step_and_keeps_failed_imports() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[("SEED_DAYS", "1000")]);
        let job = world.submit(tenant, good_rows(3)).await;
        let event = world.final_event(&job).await;
        let key = |name: &str| event["data"]["reports"][name].as_str().unwrap().to_owned();
        let failed = world.half_failed().await;

        let nothing = world.json_of(&["purge", "--yes"], 0).await;
        assert_eq!(nothing["changed"], false);
        age(world, 31).await;
        assert_eq!(world.json_of(&["purge"], 5).await["changed"], false);
        assert!(world.object(&key("success")).await.is_some());
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["success_csvs"], 1);
        assert!(world.object(&key("success")).await.is_none());
        for kept in ["errors", "problems"] {
            assert!(world.object(&key(kept)).await.is_some(), "{kept}");
        }
        assert_eq!(
            world.json_of(&["status", id(&job)], 0).await["success_key"],
            Value::Null
        );

        age(world, 91).await;
        let purged = world.json_of(&["purge", "--yes"], 0).await;
        assert_eq!(
            (&purged["rows"], &purged["success_csvs"], &purged["failed_kept"]),
            (&json!(3), &json!(0), &json!(1))
        );
        for gone in ["errors", "problems"] {
            assert!(world.object(&key(gone)).await.is_none(), "{gone}");
        }
        let rows: i64 = world.value("SELECT count(*) FROM imports.rows").await;
        assert_eq!(rows, 60, "those of the failed import");
        let output = world.user_import(&["replay", id(&job), "--errors"]).await;
        assert!(output.error.contains("purged"), "{output:?}");

        age(world, 366).await;
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["imports"], 1);
        let left = world.json_of(&["list"], 0).await;
        assert_eq!(texts(&left["imports"], "import_id"), [id(&failed)]);
        assert_eq!(world.audited_commands().await, ["purge", "purge", "purge"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_refused_jobs_are_purged_by_their_age() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        for _ in 0..2 {
            let refused = json!({ "version": 1, "import_id": uuid::Uuid::new_v4(), "tenant_id": 1 });
            world.publish_to("requested", refused.to_string()).await;
        }
        world.until("SELECT count(*) = 2 FROM imports.told_events").await;
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["changed"], false);
        world
            .execute(
                "UPDATE imports.told_events SET event = jsonb_set(event, '{time}', to_jsonb(now() - interval '91 days'))
                  WHERE event_id = (SELECT min(event_id) FROM imports.told_events)",
            )
            .await;
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["refusals"], 1);
        let left: i64 = world.value("SELECT count(*) FROM imports.told_events").await;
        assert_eq!(left, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_requests_of_imports_that_never_came_are_purged_when_confirmed() {
    in_world(async |world| {
        sqlx::query(
            "INSERT INTO imports.cancellations (import_id, tenant_id, requested_by, asked_at)
             SELECT gen_random_uuid(), 1, 'ada@example.com', now() - make_interval(days => age) FROM unnest($1::int[]) age",
        )
        .bind(vec![1, 89, 91])
        .execute(&world.db)
        .await
        .unwrap();
        assert_eq!(world.json_of(&["purge"], 5).await["changed"], false);
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["cancellations"], 1);
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["changed"], false);
        let left: Vec<(i64,)> = world.rows("SELECT count(*) FROM imports.cancellations").await;
        assert_eq!(left, [(2,)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_removes_closed_dead_letters_and_keeps_open_ones() {
    in_world(async |world| {
        let mut numbers = Vec::new();
        for n in 0..3 {
            numbers.push(
                world
                    .set_aside("malformed", "requested", &json!({ "n": n }))
                    .await,
            );
        }
        for number in &numbers[..2] {
            world
                .json_of(&["dead", "discard", &number.to_string(), "--yes"], 0)
                .await;
        }
        sqlx::query(
            "UPDATE imports.dead_letters SET set_aside_at = set_aside_at - interval '91 days',
                    closed_at = closed_at - interval '91 days' WHERE dead_letter_id = ANY ($1)",
        )
        .bind(vec![numbers[0], numbers[2]])
        .execute(&world.db)
        .await
        .unwrap();
        assert_eq!(world.json_of(&["purge"], 5).await["changed"], false);
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["dead_letters"], 1);
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["changed"], false);
        let left: Vec<(i64, String)> = world
            .rows("SELECT dead_letter_id, state FROM imports.dead_letters ORDER BY dead_letter_id")
            .await;
        assert_eq!(
            left,
            [
                (numbers[1], "discarded".to_owned()),
                (numbers[2], "open".to_owned())
            ]
        );
        assert_eq!(world.audited_commands().await.last().unwrap(), "purge");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_cannot_purge_and_is_told_whose_role_can() {
    in_world(async |world| {
        let workers = world.variable("DATABASE_URL");
        let output = world
            .user_import(&["purge", "--operator-database-url", &workers])
            .await;
        assert_eq!(output.code, Some(1));
        assert!(output.error.contains("user_import_operator"), "{output:?}");
    })
    .await;
}
