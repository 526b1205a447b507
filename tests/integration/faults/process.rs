//! What happens to the process itself: its log is gone, memory is short, its terminal closes.

use std::{fs::File, process::Stdio};

use kit::{Worker, eventually, good_rows, in_world};

use super::outages::finished_whole;

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_works_on_when_its_log_is_full_or_gone() {
    in_world(async |world| {
        for gone in [false, true] {
            let mut command = tokio::process::Command::from(world.command());
            command.arg("work").env("RUST_LOG", "debug").kill_on_drop(true);
            let stderr = if gone { Stdio::piped() } else { full().into() };
            let mut worker = command.stdout(full()).stderr(stderr).spawn().unwrap();
            // As `head -1` leaves it.
            drop(worker.stderr.take());
            let tenant = world.tenant().await;
            let job = world.submit(tenant, good_rows(30)).await;
            // Logged as an error with its place.
            world.publish_to("reports", br#"{"import_id": "no"}"#).await;
            world.final_event(&job).await;
            world.dead_letter().await;
            finished_whole(world, &job, 30).await;
            assert_eq!(worker.try_wait().unwrap(), None);
            worker.kill().await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_end_quietly_when_nobody_reads_them() {
    in_world(async |world| {
        for arguments in [&["doctor"][..], &["list"], &["--help"], &["work", "--help"]] {
            let mut command = tokio::process::Command::from(world.command());
            command
                .args(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            drop(child.stdout.take());
            let ended = child.wait_with_output().await.unwrap();
            let error = String::from_utf8_lossy(&ended.stderr);
            assert_eq!((ended.status.code(), &*error), (Some(0), ""), "{arguments:?}");
        }
        // A result that cannot be written is reported where possible; errors that cannot be written are no reason to
        // crash.
        for (arguments, code) in [(&["list"][..], 1), (&["status", "no-id"][..], 2)] {
            let mut command = world.command();
            let ended = command
                .args(arguments)
                .stdout(full())
                .stderr(full())
                .status()
                .unwrap();
            assert_eq!(ended.code(), Some(code), "{arguments:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_memory_for_its_hashes_says_so_and_takes_no_work() {
    in_world(async |world| {
        world.submit(world.tenant().await, good_rows(3)).await;
        for implementation in ["auto", "reference", "fast"] {
            let mut command = world.command();
            command
                .arg("work")
                .env("ARGON2_MEMORY_KIB", "4294967288")
                .env("ARGON2_IMPLEMENTATION", implementation);
            let ended = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            let error = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{implementation}: {error}");
            assert!(
                error.contains("too little memory for Argon2"),
                "{implementation}: {error}"
            );
        }
        assert_eq!(world.waiting("imports.requested").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_terminal_closes_ends_as_if_told_to() {
    in_world(async |world| {
        let worker = Worker::start(world, &[]);
        world.until_logged("connected, consuming").await;
        worker.send("HUP");
        assert!(worker.died().await.success());
        assert!(world.logged().contains("stopped"), "{}", world.logged());

        // Unless whoever started it keeps it alive, as nohup does.
        let program = world.command();
        let mut shell = tokio::process::Command::new("sh");
        shell
            .args(["-c", "trap '' HUP; exec \"$0\" work"])
            .arg(program.get_program())
            .envs(
                program
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .kill_on_drop(true);
        let mut worker = shell.spawn().unwrap();
        let pid = worker.id().unwrap().to_string();
        eventually("the worker", async || {
            let doctor = world.user_import(&["doctor"]).await;
            doctor.out.contains("1 connected").then_some(())
        })
        .await;
        for signal in ["HUP", "TERM"] {
            assert_eq!(worker.try_wait().unwrap(), None, "before {signal}");
            let sent = std::process::Command::new("kill")
                .args(["-s", signal, &pid])
                .status();
            assert!(sent.unwrap().success());
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        assert!(worker.wait().await.unwrap().success());
    })
    .await;
}
