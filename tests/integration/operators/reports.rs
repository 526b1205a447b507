//! `reports` fetches the reports of an import, `status` shows all attempts, and the beginning of an ID names its
//! import.

use std::os::unix::fs::PermissionsExt;

use kit::{Worker, World, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

/// A job whose ID begins and ends like this.
async fn published(world: &World, import_id: &str) -> Value {
    let tenant = world.tenant().await;
    let mut job = world.upload(tenant, good_rows(1)).await;
    job["import_id"] = json!(import_id);
    world.publish(&job).await;
    final_data(&world.final_event(&job).await, "completed");
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_fetched_into_new_files_for_their_owner_alone() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let job = published(world, "abcd0000-8d3b-7c51-9a34-2f1d7c0a4e11").await;
        let out = world.scratch().join("reports");
        std::fs::create_dir(&out).unwrap();
        // An old file that everybody may read, and a link to somewhere else.
        std::fs::write(out.join("success.csv"), "old").unwrap();
        let elsewhere = world.scratch_file("elsewhere", b"mine");
        std::os::unix::fs::symlink(&elsewhere, out.join("errors.csv")).unwrap();

        let arguments = ["reports", "abcd", "--out", out.to_str().unwrap()];
        let ran = world.user_import(&arguments).await;
        assert_eq!(ran.code, Some(0), "{}", ran.error);
        let success = std::fs::read_to_string(out.join("success.csv")).unwrap();
        assert_eq!(success.lines().count(), 2, "{success}");
        for name in ["success.csv", "errors.csv", "problems.jsonl"] {
            let written = std::fs::symlink_metadata(out.join(name)).unwrap();
            assert!(written.is_file(), "{name}");
            assert_eq!(written.permissions().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"mine");
        let (command, operator, _) = world.audited().await.pop().unwrap();
        assert_eq!((command.as_str(), operator.as_str()), ("reports", "olga"));

        let other = [&arguments[..], &["--attempt", "2"]].concat();
        let refused = world.user_import(&other).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.error.contains("has no attempt 2"), "{}", refused.error);
        let without = world.user_import(&["reports", id(&job)]).await;
        assert_eq!(without.code, Some(2));

        for (report, file) in [
            ("success", "success.csv"),
            ("errors", "errors.csv"),
            ("problems", "problems.jsonl"),
        ] {
            let printed = world.user_import(&["reports", "abcd", "--print", report]).await;
            let written = std::fs::read_to_string(out.join(file)).unwrap();
            assert_eq!((printed.code, printed.out), (Some(0), written), "{report}");
        }
        assert_eq!(world.audited().await.pop().unwrap().0, "reports");
        let both = world
            .user_import(&[&arguments[..], &["--print", "success"]].concat())
            .await;
        assert_eq!(both.code, Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_all_attempts_with_their_reports() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let early = world
            .user_import(&["reports", id(&job), "--out", "nowhere"])
            .await;
        assert_eq!(early.code, Some(1));
        assert!(early.error.contains("no reports of attempt 1"), "{}", early.error);
        assert!(early.error.contains("failed"), "{}", early.error);

        world.json_of(&["replay", id(&job)], 0).await;
        let _worker = Worker::start(world, &[]);
        final_data(&world.event_of_attempt(&job, 2).await, "completed");
        let shown = world.json_of(&["status", id(&job)], 0).await;
        let attempts = shown["attempts"].as_array().unwrap();
        let told: Vec<(u64, &str, bool)> = attempts
            .iter()
            .map(|attempt| {
                (
                    attempt["attempt"].as_u64().unwrap(),
                    attempt["state"].as_str().unwrap(),
                    attempt["success_key"].is_string(),
                )
            })
            .collect();
        assert_eq!(told, [(1, "failed", false), (2, "completed", true)]);
        assert_eq!(attempts[1]["success_key"], shown["success_key"]);
        let text = world.user_import(&["status", id(&job)]).await;
        let text = text.out;
        assert!(text.contains("attempt     1: failed\n"), "{text}");
        assert!(text.contains("attempt     2: completed; tenants/"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_beginning_of_an_id_names_its_import_if_no_other_begins_so() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let first = published(world, "00f1aaaa-8d3b-7c51-9a34-2f1d7c0a4e11").await;
        let second = published(world, "00f1bbbb-8d3b-7c51-9a34-2f1d7c0a4e11").await;
        for beginning in ["00f1a", "00F1-AAAA", id(&first)] {
            let found = world.json_of(&["status", beginning], 0).await;
            assert_eq!(found["import_id"], first["import_id"], "{beginning}");
        }
        for command in [
            &["status", "00f1"][..],
            &["watch", "00f1"],
            &["cancel", "00f1", "--yes"],
            &["replay", "00f1"],
            &["reports", "00f1", "--out", "nowhere"],
            &["dead", "list", "--import", "00f1"],
        ] {
            let ran = world.user_import(command).await;
            assert_eq!(ran.code, Some(1), "{command:?}");
            for job in [&first, &second] {
                assert!(ran.error.contains(id(job)), "{command:?}: {}", ran.error);
            }
        }
        let none = world.user_import(&["status", "ffff"]).await;
        assert_eq!(none.code, Some(1));
        assert!(none.error.contains("begins with ffff"), "{}", none.error);
        for wrong in ["00f", "import", "00f1 aaaa"] {
            let ran = world.user_import(&["status", wrong]).await;
            assert_eq!(ran.code, Some(2), "{wrong}: {}", ran.error);
        }
    })
    .await;
}
