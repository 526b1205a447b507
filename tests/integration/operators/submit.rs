//! The command line, as operators and scripts use it.

use std::{os::unix::fs::PermissionsExt, path::Path};

use kit::{Ran, Tenant, Worker, World, good_rows, in_world};
use serde_json::json;
use uuid::Uuid;

async fn submit(world: &World, tenant: Tenant, file: &Path, more: &[&str]) -> Ran {
    let tenant = tenant.id.to_string();
    let arguments = ["submit", file.to_str().unwrap(), "--tenant", &tenant];
    world.user_import(&[&arguments, more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_waits_prints_one_line_of_json_and_downloads_the_reports() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let file = world.scratch_file("users.csv", good_rows(40).as_bytes());
        let out = world.scratch().join("reports");
        let id = Uuid::new_v4().to_string();
        let options = ["--id", &id, "--wait", "--json", "--out", out.to_str().unwrap()];
        let ran = submit(world, tenant, &file, &options).await;
        assert_eq!(ran.code, Some(0), "{}", ran.error);
        assert_eq!(ran.out.lines().count(), 1);
        let data = ran.json();
        assert_eq!(data["summary"]["created"], 40);
        assert_eq!(data["import_id"], json!(id));
        for (name, lines) in [("success.csv", 41), ("errors.csv", 1)] {
            let report = std::fs::read_to_string(out.join(name)).unwrap();
            assert_eq!(report.lines().count(), lines, "{name}");
        }
        let success = std::fs::metadata(out.join("success.csv")).unwrap();
        let mode = success.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "passwords are for their owner only");

        // The same ID and file again is the same import; another file under it is refused.
        let again = submit(world, tenant, &file, &options).await;
        assert_eq!((again.code, again.out.as_str()), (Some(0), ran.out.as_str()));
        let by_another = [&options[..], &["--requested-by", "bea@example.com"]].concat();
        let again = submit(world, tenant, &file, &by_another).await;
        assert_eq!((again.code, again.out), (Some(0), ran.out), "{}", again.error);
        let other = world.scratch_file("other.csv", good_rows(3).as_bytes());
        let refused = submit(world, tenant, &other, &options).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.error.contains("use another --id"), "{}", refused.error);

        let status = world.user_import(&["status", &id, "--json"]).await;
        let status = status.json();
        assert_eq!(
            (&status["state"], &status["summary"]),
            (&json!("completed"), &data["summary"])
        );
        let shown = world.user_import(&["status", &id]).await.out;
        assert!(shown.contains("state       completed"), "{shown}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_how_the_import_ended() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let good = world.scratch_file("good.csv", b"login,mail\nann,ann@example.com\n");
        let options = ["--wait", "--set", "role=10", "--generate-extensions"];
        assert_eq!(submit(world, tenant, &good, &options).await.code, Some(0));
        let duplicate = submit(world, tenant, &good, &options).await;
        assert_eq!(duplicate.code, Some(3));
        assert!(
            duplicate.out.contains("1 row: 0 created, 1 duplicate, 0 errors"),
            "{}",
            duplicate.out
        );
        let rejected = submit(world, tenant, &good, &["--wait", "--set", "role=10"]).await;
        assert_eq!(rejected.code, Some(4));
        assert!(
            rejected.out.contains("required_field_unmapped"),
            "{}",
            rejected.out
        );
        let published = submit(world, tenant, &good, &options[1..]).await;
        assert_eq!(published.code, Some(0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_with_exit_code_2_and_nothing_is_published() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let file = world.scratch_file("users.csv", good_rows(1).as_bytes());
        let cases: [(&[&str], &str); 12] = [
            (&["--map", "usrname=Login"], "not a field"),
            (&["--map", "username"], "FIELD="),
            (&["--map", "username="], "there is no value after"),
            (&["--set", "role=agent"], "positive 64-bit integer"),
            (&["--set", "role=1,2"], "takes one ID"),
            (&["--set", "username=5"], "use --map"),
            (&["--map", "role=Role", "--set", "role=10"], "given twice"),
            (&["--sip", "classic_pbx"], "needs --pbx-domain"),
            (&["--sip", "phone"], "classic_pbx"),
            (&["--pbx-domain", "50"], "can only be used with --sip classic_pbx"),
            (&["--max-session-minutes", "0"], "--max-session-minutes"),
            (&["--out", "reports"], "--wait"),
        ];
        for (options, hint) in cases {
            let ran = submit(world, tenant, &file, options).await;
            assert_eq!(ran.code, Some(2), "{options:?}: {}", ran.error);
            assert!(ran.error.contains(hint), "{options:?}: {}", ran.error);
            let error = ran.error;
            let mut usages = error.lines().filter(|line| line.starts_with("Usage:"));
            assert!(
                usages.all(|usage| usage.contains("user-import submit")),
                "{options:?}: {error}"
            );
        }
        let no_tenant = world
            .user_import(&["submit", file.to_str().unwrap(), "--tenant", "0"])
            .await;
        assert_eq!(no_tenant.code, Some(2));
        let no_file = submit(world, tenant, Path::new("nowhere.csv"), &[]).await;
        assert_eq!(no_file.code, Some(1));
        assert!(
            no_file.error.contains("cannot read nowhere.csv"),
            "{}",
            no_file.error
        );
        assert_eq!(world.waiting("imports.requested").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_unknown_import_is_a_clear_error() {
    in_world(async |world| {
        let id = Uuid::new_v4().to_string();
        let ran = world.user_import(&["status", &id]).await;
        assert_eq!(ran.code, Some(1));
        assert!(
            ran.error.contains(&format!("there is no import {id}")),
            "{}",
            ran.error
        );
        assert_eq!(world.user_import(&["status", "42"]).await.code, Some(2));
    })
    .await;
}
