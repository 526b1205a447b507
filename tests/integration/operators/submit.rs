//! The command line, as operators and scripts use it.

use std::process::Output;

use kit::{Tenant, Worker, World, in_world};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::imports::outcomes::good_rows;

fn user_import(world: &World, arguments: &[&str]) -> Output {
    world.command().args(arguments).output().unwrap()
}

fn submit(world: &World, tenant: Tenant, file: &std::path::Path, more: &[&str]) -> Output {
    let tenant = tenant.id.to_string();
    user_import(
        world,
        &[&["submit", file.to_str().unwrap(), "--tenant", &tenant], more].concat(),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
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
        let ran = submit(world, tenant, &file, &options);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        assert_eq!(text(&ran.stdout).lines().count(), 1);
        let data: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(data["summary"]["created"], 40);
        assert_eq!(data["import_id"], json!(id));
        let (success, errors) = (
            std::fs::read(out.join("success.csv")).unwrap(),
            std::fs::read(out.join("errors.csv")).unwrap(),
        );
        assert_eq!(
            (text(&success).lines().count(), text(&errors).lines().count()),
            (41, 1)
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(out.join("success.csv")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600, "passwords are for their owner only");

        // The same ID and file again is the same import; another file under it is refused.
        let again = submit(world, tenant, &file, &options);
        assert_eq!((again.status.code(), again.stdout), (Some(0), ran.stdout));
        let other = world.scratch_file("other.csv", good_rows(3).as_bytes());
        let refused = submit(world, tenant, &other, &options);
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            text(&refused.stderr).contains("use another --id"),
            "{}",
            text(&refused.stderr)
        );

        let status = user_import(world, &["status", &id, "--json"]);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap();
        assert_eq!(
            (&status["state"], &status["summary"]),
            (&json!("completed"), &data["summary"])
        );
        let shown = text(&user_import(world, &["status", &id]).stdout);
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
        assert_eq!(submit(world, tenant, &good, &options).status.code(), Some(0));
        let duplicate = submit(world, tenant, &good, &options);
        assert_eq!(duplicate.status.code(), Some(3));
        assert!(
            text(&duplicate.stdout).contains("1 rows: 0 created, 1 duplicates, 0 errors"),
            "{}",
            text(&duplicate.stdout)
        );
        let rejected = submit(world, tenant, &good, &["--wait", "--set", "role=10"]);
        assert_eq!(rejected.status.code(), Some(4));
        assert!(
            text(&rejected.stdout).contains("required_field_unmapped"),
            "{}",
            text(&rejected.stdout)
        );
        let published = submit(world, tenant, &good, &options[1..]);
        assert_eq!(published.status.code(), Some(0));
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
            (&["--map", "username="], "nothing stands behind"),
            (&["--set", "role=agent"], "positive 64-bit integer"),
            (&["--set", "role=1,2"], "takes one ID"),
            (&["--set", "username=5"], "use --map"),
            (&["--map", "role=Role", "--set", "role=10"], "given twice"),
            (&["--sip", "classic_pbx"], "needs --pbx-domain"),
            (&["--sip", "phone"], "classic_pbx"),
            (&["--pbx-domain", "50"], "goes with --sip classic_pbx"),
            (&["--max-session-minutes", "0"], "--max-session-minutes"),
            (&["--out", "reports"], "--wait"),
        ];
        for (options, hint) in cases {
            let ran = submit(world, tenant, &file, options);
            assert_eq!(ran.status.code(), Some(2), "{options:?}: {}", text(&ran.stderr));
            assert!(
                text(&ran.stderr).contains(hint),
                "{options:?}: {}",
                text(&ran.stderr)
            );
            let error = text(&ran.stderr);
            let mut usages = error.lines().filter(|line| line.starts_with("Usage:"));
            assert!(
                usages.all(|usage| usage.contains("user-import submit")),
                "{options:?}: {error}"
            );
        }
        let no_tenant = user_import(world, &["submit", file.to_str().unwrap(), "--tenant", "0"]);
        assert_eq!(no_tenant.status.code(), Some(2));
        let no_file = submit(world, tenant, std::path::Path::new("nowhere.csv"), &[]);
        assert_eq!(no_file.status.code(), Some(1));
        assert!(
            text(&no_file.stderr).contains("cannot read nowhere.csv"),
            "{}",
            text(&no_file.stderr)
        );
        assert_eq!(world.waiting("imports.requested").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_an_unknown_import_is_a_clear_error() {
    in_world(async |world| {
        let id = Uuid::new_v4().to_string();
        let ran = user_import(world, &["status", &id]);
        assert_eq!(ran.status.code(), Some(1));
        assert!(
            text(&ran.stderr).contains(&format!("there is no import {id}")),
            "{}",
            text(&ran.stderr)
        );
        assert_eq!(user_import(world, &["status", "42"]).status.code(), Some(2));
    })
    .await;
}
