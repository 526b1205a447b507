//! What a person at a terminal meets: Ctrl-C, a narrow window, wrong usage, an environment that is not set.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use kit::{AlteredStore, Answer, Worker, World, eventually, good_rows, id, in_world};

/// Runs a command until it has said this, on standard output or standard error; then Ctrl-C. Exit code and what it said.
async fn interrupted(mut command: Command, text: &'static str) -> (Option<i32>, String) {
    tokio::task::spawn_blocking(move || {
        let (reader, writer) = std::io::pipe().unwrap();
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut running = command.spawn().unwrap();
        // It holds the other end of the pipe.
        drop(command);
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        let mut said = String::new();
        for line in lines.by_ref() {
            said.push_str(&line);
            if said.contains(text) {
                break;
            }
        }
        let sent = Command::new("kill")
            .args(["-s", "INT", &running.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        said.extend(lines);
        (running.wait().unwrap().code(), said)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_waiting_and_says_how_to_get_the_reports() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.to_string();
        let file = world.scratch_file("users.csv", good_rows(1).as_bytes());
        let import_id = "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11";
        let mut submit = world.command();
        submit
            .args([
                "submit",
                file.to_str().unwrap(),
                "--tenant",
                &tenant,
                "--id",
                import_id,
            ])
            .args(["--wait", "--json"]);
        let (code, said) = interrupted(submit, "waiting for a worker").await;
        assert_eq!(code, Some(130), "{said}");
        assert!(
            said.contains(&format!("user-import reports {import_id} --out DIR")),
            "{said}"
        );

        // The import continues.
        assert_eq!(world.user_import(&["pause", "--all"]).await.code, Some(0));
        let worker = Worker::start(world, &[]);
        eventually("the received import", async || {
            let received = world.user_import(&["status", import_id]).await;
            (received.code == Some(0)).then_some(())
        })
        .await;
        assert!(worker.terminate().await.success());
        let mut watch = world.command();
        watch.args(["watch", import_id]);
        let (code, said) = interrupted(watch, "received (attempt 1)").await;
        assert_eq!(code, Some(130), "{said}");
        assert!(
            said.contains(&format!("user-import reports {import_id} --out DIR")),
            "{said}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_ends_when_nobody_reads() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let worker = Worker::start(world, &[("S3_BUCKET", "no-such-bucket")]);
        let job = world.upload(tenant, good_rows(1)).await;
        world.publish(&job).await;
        eventually("the import", async || {
            world
                .user_import(&["status", id(&job)])
                .await
                .code
                .filter(|code| *code == 0)
        })
        .await;
        let mut watch = world.command();
        watch
            .args(["watch", id(&job)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = watch.spawn().unwrap();
        drop(running.stdout.take());
        let ended = tokio::task::spawn_blocking(move || running.wait_with_output().unwrap())
            .await
            .unwrap();
        assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
        drop(worker);
    })
    .await;
}

/// What a command shows on a terminal with this many columns within three seconds.
async fn on_terminal(world: &World, columns: u16, arguments: &str) -> String {
    let program = world.command().get_program().to_string_lossy().into_owned();
    let shown = format!("stty rows 24 cols {columns}; timeout --foreground -s INT 3 {program} {arguments}");
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &shown, "/dev/null"])
        .envs(world.variables())
        .env("TERM", "xterm")
        .stdin(Stdio::null());
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_progress_bar_begins_empty_and_is_one_line_of_a_narrow_terminal() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.to_string();
        let file = world.scratch_file("users.csv", good_rows(1).as_bytes());
        let arguments = format!("submit {} --tenant {tenant} --wait", file.display());
        let shown = on_terminal(world, 30, &arguments).await;
        assert!(shown.contains('░') && !shown.contains('█'), "{shown:?}");
        let bars = shown.split(['\r', '\n']).filter(|line| line.contains('░'));
        for bar in bars {
            let is_control = |c: char| c.is_ascii_digit() || "KJABm".contains(c);
            let parts = bar.split("\u{1b}[");
            let visible: String = parts.map(|part| part.trim_start_matches(is_control)).collect();
            assert!(visible.chars().count() <= 30, "{bar:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_has_exit_code_2_and_no_words_of_the_programming_language() {
    in_world(async |world| {
        let file = world.scratch_file("users.csv", good_rows(1).as_bytes());
        let file = file.to_str().unwrap();
        for arguments in [
            &["nonsense"][..],
            &["list", "--state", "done"],
            &["list", "--limit", "0"],
            &["list", "--older-than", "soon"],
            &["list", "--older-than", "100000000y"],
            &["list", "--tenant", "none"],
            &["dead", "discard", "--yes"],
            &["dead", "replay"],
            &["dead", "list", "--import", "x"],
            &["status"],
            &["submit", file, "--tenant", "1", "--max-session-minutes", "0"],
            &[
                "submit",
                file,
                "--tenant",
                "1",
                "--max-concurrent-sessions",
                "many",
            ],
            &["submit", file, "--tenant", "1", "--encoding", "nonsense"],
            &["reports", "abcd"],
            &["list", "--log", "info,=,"],
            &["purge", "--success-days", "-1"],
            &["work", "--hash-threads", "0"],
            &["work", "--batch-rows", "0"],
            &["work", "--argon2-memory-kib", "1"],
            &["work", "--argon2-lanes", "0"],
            &["work", "--argon2-passes", "0"],
            &["work", "--http-address", "nowhere"],
        ] {
            let ran = world.user_import(arguments).await;
            let said = &ran.error;
            assert_eq!(ran.code, Some(2), "{arguments:?}: {said}");
            for rust in [
                "non-zero", "Some(", "None", "ParseInt", "Error {", "Cost {", "u32", "::",
            ] {
                assert!(!said.contains(rust), "{arguments:?}: {said}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_not_set_is_said_to_be_and_where_to_get_it() {
    in_world(async |world| {
        for (arguments, variables) in [
            (&["list"][..], &["DATABASE_URL"][..]),
            (&["topology"], &["AMQP_URL"]),
            (
                &["work"],
                &["DATABASE_URL", "AMQP_URL", "S3_ENDPOINT", "SEAL_KEYS"],
            ),
        ] {
            let mut command = world.command();
            command.args(arguments);
            for variable in variables {
                command.env_remove(variable);
            }
            let ran = command.output().unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(2), "{said}");
            assert!(said.contains("eval \"$(deploy/local/env)\""), "{said}");
            for variable in variables {
                assert!(said.contains(variable), "{said}");
            }
        }
        // What is not a variable is not reported as a missing one.
        let said = world.user_import(&["status"]).await;
        assert!(!said.error.contains("deploy/local/env"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_looks_whether_tenant_and_bucket_exist() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.to_string();
        let file = world.scratch_file("users.csv", good_rows(1).as_bytes());
        let file = file.to_str().unwrap();
        let ran = world
            .user_import(&["submit", file, "--tenant", "4000000000000000000"])
            .await;
        let said = &ran.error;
        assert_eq!(ran.code, Some(1), "{said}");
        assert!(said.contains("there is no tenant 4000000000000000000"), "{said}");
        // The local store makes a bucket of any name.
        let none = AlteredStore::before(&kit::variable("S3_ENDPOINT"), |request, answer| {
            match request.starts_with("HEAD ") {
                true => Answer::plain("404 Not Found", ""),
                false => answer,
            }
        })
        .await;
        let endpoint = none.endpoint();
        let changes = [("S3_ENDPOINT", endpoint.as_str())];
        let ran = world
            .user_import_with(&changes, &["submit", file, "--tenant", &tenant])
            .await;
        let said = &ran.error;
        assert_eq!(ran.code, Some(1), "{said}");
        assert!(said.contains("there is no bucket"), "{said}");

        let _worker = Worker::start(world, &[]);
        let ran = world
            .user_import(&["submit", file, "--tenant", &tenant, "--wait"])
            .await;
        assert_eq!(ran.code, Some(0), "{}", &ran.error);
        let shown = ran.out;
        assert!(
            shown.contains("1 row: 1 created, 0 duplicates, 0 errors"),
            "{shown}"
        );
        let import_id = shown.split(' ').nth(1).unwrap().to_owned();
        let watched = world.user_import(&["watch", &import_id]).await;
        assert_eq!(watched.code, Some(0));
        let line = watched.out;
        assert!(line.contains("1 row, 1 created, 0 duplicates"), "{line}");
    })
    .await;
}
