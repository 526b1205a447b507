//! `list`, `status` and `watch` show what there is, and every command explains itself.

use kit::{Worker, good_rows, id, in_world};
use serde_json::{Value, json};

pub(crate) fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap();
    list.iter().map(|item| item[name].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn list_status_and_watch_show_what_there_is_and_no_password() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let good = world.submit(tenant, good_rows(2)).await;
        let reports = world.reports(&world.final_event(&good).await).await;
        let bad = world.submit(tenant, "username,email,ext,role\na,a,1,10\n").await;
        world.final_event(&bad).await;
        let failed = world.half_failed().await;

        let all = world.json_of(&["list"], 0).await;
        assert_eq!(
            texts(&all["imports"], "import_id"),
            [id(&failed), id(&bad), id(&good)]
        );
        let tenant_id = tenant.id.to_string();
        for (filter, expected) in [
            (["--state", "failed"].as_slice(), vec![id(&failed)]),
            (&["--tenant", &tenant_id], vec![id(&bad), id(&good)]),
            (&["--tenant", &tenant_id, "--limit", "1"], vec![id(&bad)]),
            (&["--older-than", "1h"], vec![]),
            (
                &["--newer-than", "1h", "--state", "completed"],
                vec![id(&bad), id(&good)],
            ),
        ] {
            let found = world.json_of(&[&["list"], filter].concat(), 0).await;
            assert_eq!(texts(&found["imports"], "import_id"), expected, "{filter:?}");
        }

        let status = world
            .json_of(&["status", id(&bad), "--outcome", "error"], 0)
            .await;
        assert_eq!(status["rows"][0]["outcome"], "error");
        assert!(texts(&status["rows"][0]["problems"], "code").contains(&"invalid_format"));
        let rows = world.json_of(&["status", id(&good), "--rows"], 0).await;
        assert_eq!(texts(&rows["rows"], "username"), ["user1", "user2"]);
        let shown = world.user_import(&["status", id(&good), "--rows"]).await;
        let shown = shown.out + &rows.to_string() + &all.to_string();
        for password in reports.success_column(4) {
            assert!(!shown.contains(&password));
        }

        let watched = world.user_import(&["watch", id(&good)]).await;
        assert_eq!(watched.code, Some(0));
        assert!(
            watched.out.contains("completed (attempt 1): 2 rows, 2 created"),
            "{watched:?}"
        );
        assert_eq!(world.json_of(&["watch", id(&bad)], 3).await["state"], "completed");
        assert_eq!(world.json_of(&["watch", id(&failed)], 1).await["state"], "failed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_follows_an_import_to_its_end() {
    in_world(async |world| {
        let slow = [("ARGON2_MEMORY_KIB", "8192"), ("HASH_THREADS", "1")];
        let _worker = Worker::start(world, &slow);
        let job = world.submit(world.tenant().await, good_rows(100)).await;
        world.until("SELECT count(*) > 0 FROM imports.imports").await;
        let watched = world.user_import(&["watch", id(&job), "--json"]).await;
        assert_eq!(watched.code, Some(0));
        let last: Value = serde_json::from_str(watched.out.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["state"], &last["summary"]["created"]),
            (&json!("completed"), &json!(100))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself() {
    in_world(async |world| {
        for (command, teaches) in [
            (["cancel"].as_slice(), "stay"),
            (&["replay"], "new attempt"),
            (&["list"], "--older-than"),
            (&["status"], "--outcome"),
            (&["watch"], "Exit codes"),
            (&["dead", "replay"], "--dry-run"),
            (&["purge"], "--success-days"),
            (&["rotate-seals"], "restart the workers in turn"),
        ] {
            let help = world.user_import(&[command, &["--help"]].concat()).await;
            assert!(
                help.code == Some(0) && help.out.contains(teaches),
                "{command:?}: {help:?}"
            );
        }
    })
    .await;
}
