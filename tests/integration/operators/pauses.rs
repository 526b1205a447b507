//! `pause` makes the imports of a tenant, or all imports, wait; `resume` lets them continue. Nothing is lost in the
//! meantime, nothing is counted as a failure, and nobody else waits.

use kit::{Watched, Worker, World, eventually, final_data, good_rows, id, in_world};
use serde_json::Value;

use super::doctor::{examined, told, verdict};

/// Slow enough to be paused in the middle, in small batches, and with imports soon taken for lost.
const SLOW: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "19456"),
    ("ARGON2_PASSES", "2"),
    ("HASH_THREADS", "1"),
    ("BATCH_ROWS", "5"),
    ("RESCUE_SECONDS", "2"),
    Watched::ANYWHERE,
];

/// Failed tries, resumptions of lost messages, and open dead letters of all imports.
async fn troubles(world: &World) -> (i64, i64, i64) {
    let troubles = world.rows(
        "SELECT coalesce(sum(tries), 0), coalesce(sum(sweeps), 0), (SELECT count(*) FROM imports.dead_letters)
           FROM imports.imports",
    );
    troubles.await[0]
}

async fn status(world: &World, job: &Value) -> Value {
    world.json_of(&["status", id(job)], 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_tenant_waits_and_all_others_go_on() {
    in_world(async |world| {
        let (waiting, other) = (world.tenant().await, world.tenant().await);
        let tenant = waiting.id.to_string();
        let paused = world
            .json_of(&["pause", "--tenant", &tenant, "--reason", "PBX"], 0)
            .await;
        assert_eq!(paused["changed"], true);
        let again = world.json_of(&["pause", "--tenant", &tenant], 0).await;
        assert_eq!(again["changed"], false);
        let nobody = world.user_import(&["pause", "--tenant", "1"]).await;
        assert_eq!(nobody.code, Some(1));

        let _worker = Worker::start(world, &[Watched::ANYWHERE]);
        let job = world.upload(waiting, good_rows(3)).await;
        world.publish(&job).await;
        let others = world.upload(other, good_rows(3)).await;
        world.publish(&others).await;
        final_data(&world.final_event(&others).await, "completed");

        // Its job is received, and its plan has been postponed by now, without an error.
        world
            .until(
                "SELECT count(*) = 1 FROM imports.imports
                  WHERE state = 'received' AND progress_at > clock_timestamp()",
            )
            .await;
        let shown = status(world, &job).await;
        assert_eq!(shown["state"], "received");
        let why = shown["paused"].as_str().unwrap();
        assert!(why.starts_with(&format!("tenant {tenant} since ")), "{why}");
        assert!(why.ends_with("by olga: PBX"), "{why}");
        assert_eq!(troubles(world).await, (0, 0, 0));

        let found = examined(world, &[], 0).await;
        assert_eq!(verdict(&found, "pauses"), "warning", "{found}");
        assert!(
            told(&found, "pauses").contains("by olga: PBX → user-import resume"),
            "{found}"
        );
        let watched = Watched::of(world).await;
        watched.becomes("user_import_pauses{scope=\"tenant\"}", 1.0).await;
        watched.becomes("user_import_pauses{scope=\"all\"}", 0.0).await;

        let resumed = world.json_of(&["resume", "--tenant", &tenant], 0).await;
        assert_eq!(resumed["changed"], true);
        final_data(&world.final_event(&job).await, "completed");
        watched.becomes("user_import_pauses{scope=\"tenant\"}", 0.0).await;
        assert_eq!(troubles(world).await, (0, 0, 0));
        let again = world.json_of(&["resume", "--tenant", &tenant], 0).await;
        assert_eq!(again["changed"], false);
        assert_eq!(world.audited_commands().await, ["pause", "resume"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_all_tenants_stops_imports_in_the_middle_and_loses_nothing() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let worker = Worker::start(world, SLOW);
        let job = world.upload(tenant, good_rows(200)).await;
        world.publish(&job).await;
        world.until_users(1).await;
        world.json_of(&["pause", "--all"], 0).await;
        // What has begun is finished; then nothing changes any more, not even with a new worker.
        assert!(worker.terminate().await.success());
        let _worker = Worker::start(world, SLOW);
        let stopped = eventually("all batches to be postponed", async || {
            let waiting = world.waiting("imports.delay.30s").await;
            let shown = status(world, &job).await;
            let batches = shown["pending"].as_u64().unwrap().div_ceil(5);
            // More of them, where a batch was done in part before the pause or was not acknowledged any more.
            (u64::from(waiting) >= batches).then_some(shown)
        })
        .await;
        assert_eq!(stopped["state"], "running");
        assert!(stopped["pending"].as_u64() > Some(0), "{stopped}");
        assert!(stopped["paused"].as_str().unwrap().starts_with("all tenants"));
        let listed = world.user_import(&["list"]).await;
        assert!(listed.out.contains("  paused"), "{listed:?}");
        // More workers would have nothing to do.
        let watched = Watched::of(world).await;
        watched
            .becomes("user_import_imports{state=\"running\"}", 1.0)
            .await;
        watched.becomes("user_import_pending_rows", 0.0).await;

        world.json_of(&["resume", "--all"], 0).await;
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 200);
        assert_eq!(troubles(world).await, (0, 0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_import_can_be_cancelled() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, SLOW);
        let job = world.upload(tenant, good_rows(200)).await;
        world.publish(&job).await;
        world
            .until("SELECT count(*) = 1 FROM imports.imports WHERE state = 'running'")
            .await;
        world.json_of(&["pause", "--all"], 0).await;
        world.json_of(&["cancel", id(&job), "--yes"], 0).await;
        let event = world.final_event(&job).await;
        final_data(&event, "cancelled");
        assert!(world.reports(&event).await.error_rows().len() > 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_says_whose_imports_are_paused() {
    in_world(async |world| {
        for arguments in [
            &["pause"][..],
            &["resume"],
            &["pause", "--all", "--tenant", "1"],
            &["pause", "--tenant", "0"],
        ] {
            let ran = world.user_import(arguments).await;
            assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        }
        let tenant = world.tenant().await.id.to_string();
        world.user_import(&["pause", "--tenant", &tenant]).await;
        world.user_import(&["pause", "--all"]).await;
        let resumed = world.user_import(&["resume", "--all"]).await;
        let text = resumed.out;
        assert!(
            text.contains(&format!("user-import resume --tenant {tenant}")),
            "{text}"
        );
    })
    .await;
}
