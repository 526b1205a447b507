//! What holds for every command: unavailable servers are named at once, and a closed pipe is not a failure.

use std::process::Stdio;

use kit::{Worker, World, eventually, in_world};

const NOBODYS_ID: &str = "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11";

/// A database URL at which nothing listens.
fn nobody() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    format!("postgres://user:password@{free}/database")
}

fn said(world: &World, arguments: &[&str], database: &str) -> (Option<i32>, String) {
    let ran = world
        .command()
        .args(arguments)
        .env("DATABASE_URL", database)
        .env("OPERATOR_DATABASE_URL", database)
        .output()
        .unwrap();
    (
        ran.status.code(),
        String::from_utf8_lossy(&ran.stderr).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_says_that_nobody_listens_where_the_database_should_be() {
    in_world(async |world| {
        let database = nobody();
        for arguments in [
            &["list"][..],
            &["status", NOBODYS_ID],
            &["cancel", NOBODYS_ID, "--yes"],
        ] {
            let (code, text) = said(world, arguments, &database);
            assert_eq!(code, Some(1), "{arguments:?}: {text}");
            assert!(
                text.contains("Connection refused") && !text.contains("pool"),
                "{arguments:?}: {text}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_logs_that_nobody_listens_where_the_database_should_be() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("DATABASE_URL", &nobody())]);
        eventually("the reason in the log", async || {
            world.logged().contains("Connection refused").then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_and_manual_pages_know_every_command() {
    in_world(async |world| {
        for shell in ["bash", "zsh", "fish"] {
            let ran = world.command().args(["completions", shell]).output().unwrap();
            let script = String::from_utf8_lossy(&ran.stdout);
            assert!(
                ran.status.success() && script.contains("rotate-seals"),
                "{shell}: {script}"
            );
        }
        let out = world.scratch().join("man");
        std::fs::create_dir(&out).unwrap();
        let ran = world
            .command()
            .args(["man", "--out", out.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        for page in ["user-import.1", "user-import-work.1", "user-import-dead-list.1"] {
            assert!(out.join(page).exists(), "{page}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_closes_ends_a_command_quietly() {
    in_world(async |world| {
        for arguments in [["list", "--json"], ["completions", "bash"]] {
            let mut command = world.command();
            command
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut running = command.spawn().unwrap();
            drop(running.stdout.take());
            let ended = running.wait_with_output().unwrap();
            let text = String::from_utf8_lossy(&ended.stderr);
            assert!(
                ended.status.success() && text.is_empty(),
                "{arguments:?}: {} {text}",
                ended.status
            );
        }
    })
    .await;
}
