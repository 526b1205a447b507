//! A log that somebody collects and does not read: a pipe that is full and stays open.

use std::{io::Write, process::Stdio};

use kit::{good_rows, in_world};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_works_on_while_nobody_reads_its_log_and_ends_when_it_is_told_to() {
    in_world(async |world| {
        let (unread, full) = std::io::pipe().unwrap();
        let mut filling = full.try_clone().unwrap();
        // Blocks, and ends with the pipe.
        let filler = std::thread::spawn(move || while filling.write_all(b"full").is_ok() {});
        let mut command = tokio::process::Command::from(world.command());
        command.arg("work").env("RUST_LOG", "debug").kill_on_drop(true);
        command.stdout(Stdio::null()).stderr(full);
        let mut worker = command.spawn().unwrap();
        // Holds an end of the pipe itself.
        drop(command);
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(120)).await;
        // Its error is logged too.
        world.publish_to("reports", br#"{"import_id": "no"}"#).await;
        world.dead_letter().await;
        world.completed_whole(&job, 120).await;
        let pid = worker.id().unwrap().to_string();
        std::process::Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status()
            .unwrap();
        let ended = tokio::time::timeout(kit::DEADLINE, worker.wait())
            .await
            .unwrap()
            .unwrap();
        assert!(ended.success(), "{ended}");
        drop(unread);
        filler.join().unwrap();
    })
    .await;
}
