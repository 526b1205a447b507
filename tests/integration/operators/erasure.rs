//! A tenant is erased: what we hold of it is deleted, what belongs to others stays.

use kit::{Worker, World, eventually, good_rows, id, in_world, steps::receive};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

async fn count(world: &World, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
        .fetch_one(&world.db)
        .await
        .unwrap()
}

async fn finished(world: &World, tenant: kit::Tenant) -> (Value, Value) {
    let job = world.upload(tenant, good_rows(3)).await;
    let event = world.run(&job).await;
    (job, event)
}

/// The tenant of a job.
fn tenant_of(job: &Value) -> kit::Tenant {
    let id = serde_json::from_value(job["tenant_id"].clone()).unwrap();
    kit::Tenant { id }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_tenant_is_erased_but_its_users_and_nothing_of_another() {
    in_world(async |world| {
        let failed = world.half_failed().await;
        let erased = tenant_of(&failed);
        let other = world.tenant().await;
        let worker = Worker::start(world, &[]);
        let (job, event) = finished(world, erased).await;
        let (kept, _) = finished(world, other).await;
        // Malformed, and names the tenant; a job of the other's file; they become dead letters and a rejected import.
        world
            .publish_to(
                "requested",
                json!({ "version": 1, "import_id": uuid::Uuid::new_v4(), "tenant_id": erased.id })
                    .to_string()
                    .as_bytes(),
            )
            .await;
        let mut foreign = world.upload(erased, good_rows(1)).await;
        foreign["source"]["key"] = kept["source"]["key"].clone();
        world.run(&foreign).await;
        eventually("the dead letter", async || {
            (world.dead_letters().await == 1).then_some(())
        })
        .await;
        // Cancel messages for imports whose jobs never come; each names who asked.
        for tenant in [erased, other] {
            let asked = json!({ "version": 1, "import_id": uuid::Uuid::new_v4(), "tenant_id": tenant.id,
                                "requested_by": "ada@example.com" });
            world.publish_to("cancel", asked.to_string()).await;
        }
        world
            .until("SELECT count(*) = 2 FROM imports.cancellations")
            .await;
        assert!(worker.terminate().await.success());

        let tenant = erased.id.to_string();
        let arguments = ["purge", "--tenant", &tenant, "--all"];
        let running = world.upload(erased, good_rows(1)).await;
        receive(&world.context(), &running).await;
        let refused = world.user_import(&arguments).await;
        assert!(refused.error.contains("1 imports of tenant"), "{refused:?}");
        world.json_of(&["cancel", id(&running), "--yes"], 0).await;

        let asked = world.json_of(&arguments, 5).await;
        assert!(
            asked["would"]
                .as_str()
                .unwrap()
                .contains("4 imports with 63 rows"),
            "{asked}"
        );
        let done = world
            .json_of(&["purge", "--tenant", &tenant, "--all", "--yes"], 0)
            .await;
        assert_eq!((&done["imports"], &done["dead_letters"]), (&json!(4), &json!(1)));

        let reports = &event["data"]["reports"];
        for key in [
            &job["source"]["key"],
            &failed["source"]["key"],
            &reports["success"],
            &reports["errors"],
        ] {
            assert_eq!(world.object(key.as_str().unwrap()).await, None, "{key}");
        }
        assert!(
            world
                .object(kept["source"]["key"].as_str().unwrap())
                .await
                .is_some()
        );
        let left = [
            ("imports.imports", 1),
            ("imports.rows", 3),
            ("imports.dead_letters", 0),
            ("imports.cancellations", 1),
            // 25 of the erased tenant.
            ("dialer.users", 28),
        ];
        for (what, expected) in left {
            assert_eq!(count(world, what).await, expected, "{what}");
        }
        let told = format!("imports.told_events WHERE event -> 'data' ->> 'tenant_id' = '{tenant}'");
        assert_eq!(
            count(world, &told).await,
            0,
            "answers to jobs that were refused too"
        );
        let last = world.audited().await.pop().unwrap();
        assert_eq!((last.0.as_str(), last.1.as_str()), ("purge", "olga"));
        let again = world
            .json_of(&["purge", "--tenant", &tenant, "--all", "--yes"], 0)
            .await;
        assert_eq!(again["imports"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_failures_go_once_their_seed_is_destroyed_and_their_dead_letters_with_them() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let seeded = world.half_failed().await;
        sqlx::raw_sql(
            "INSERT INTO imports.dead_letters (reason, origin, import_id, tenant_id, retry_count, size_bytes, body, fingerprint)
             SELECT 'permanent_error', 'requested', import_id, tenant_id, 0, 0, '', import_id::text::bytea FROM imports.imports;
             UPDATE imports.imports SET finished_at = now() - interval '400 days'",
        )
        .execute(&world.db)
        .await
        .unwrap();
        sqlx::query("UPDATE imports.imports SET sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL WHERE tenant_id = $1")
            .bind(tenant_of(&job).id.get())
            .execute(&world.db)
            .await
            .unwrap();
        let rows_only = world.json_of(&["purge", "--yes", "--imports-days", "1000"], 0).await;
        assert_eq!((&rows_only["rows"], &rows_only["failed_kept"]), (&json!(60), &json!(1)));
        for (arguments, says) in [
            (&["replay", id(&job)][..], "purged"),
            (&["cancel", id(&job), "--yes"], "purged"),
        ] {
            let refused = world.user_import(arguments).await;
            assert!(refused.error.contains(says), "{refused:?}");
        }
        let resent = world.user_import(&["dead", "replay", "--import", id(&job)]).await;
        assert_eq!(resent.code, Some(1), "{resent:?}");
        assert_eq!(world.json_of(&["purge", "--yes"], 0).await["imports"], 1);
        assert_eq!(count(world, "imports.dead_letters").await, 1);
        assert_eq!(world.json_of(&["status", id(&seeded)], 0).await["undelivered_users"], 25);
    })
    .await;
}
