//! The console in a real browser (`tests/node/console.mjs`): the wizard from the file to the new users, and the operators' pages.

use std::{path::Path, path::PathBuf};

use kit::{Console, Worker, good_rows, in_world};
use serde_json::Value;
use tokio::process::Command;

use super::access::{OPERATOR, administrator};

const CHROMIUM: &str = "/usr/bin/chromium";

#[tokio::test(flavor = "multi_thread")]
async fn administrators_and_operators_play_their_steps_in_a_browser() {
    let Ok(packages) = std::env::var("TEST_NODE") else {
        eprintln!("skipped: there is no Node.js (deploy/local/node says why)");
        return;
    };
    if !Path::new(CHROMIUM).exists() {
        eprintln!("skipped: there is no Chromium in {CHROMIUM}");
        return;
    }
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let file = good_rows(3) + "dora,no address,0109,10\n";
        let file = world.scratch_file("users.csv", file.as_bytes());
        // Packages are looked for beside the program.
        let program = world.scratch_file("console.mjs", include_bytes!("../../node/console.mjs"));
        let link = world.scratch().join("node_modules");
        std::os::unix::fs::symlink(PathBuf::from(packages).join("node_modules"), link).unwrap();
        let ran = Command::new("node")
            .arg(program)
            .arg(console.address())
            .arg(console.token("ada@example.com", administrator(tenant)))
            .arg(console.token("grace@example.com", OPERATOR))
            .arg(file)
            .env("CHROMIUM", CHROMIUM)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let lines = |name: &str| seen[name].as_str().unwrap().lines().count();
        assert_eq!((lines("report"), lines("errors")), (4, 2), "{seen}");
        assert_eq!(seen["users"], 3);
    })
    .await;
}
