//! A queue that refuses messages: a matter of those messages, of nobody and nothing else.

use std::{path::Path, process::Command};

use kit::{Worker, World, eventually, good_rows, in_world, variable};
use lapin::{Connection, ConnectionProperties, options::BasicGetOptions};
use serde_json::Value;

/// Sets a policy of the broker, or takes it away.
fn policy(world: &World, command: &[&str]) {
    let rabbitmqctl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/lib/rabbitmqctl");
    let [command, rest @ ..] = command else { return };
    let ran = Command::new(rabbitmqctl)
        .args([
            *command,
            "-p",
            "user-import",
            world.prefix().trim_end_matches('.'),
        ])
        .args(rest)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

async fn completed(world: &World, count: i64) {
    eventually("the imports' end", async || {
        let completed: i64 =
            sqlx::query_scalar("SELECT count(*) FROM imports.imports WHERE state = 'completed'")
                .fetch_one(&world.db)
                .await
                .unwrap();
        (completed >= count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_waits_until_there_is_room_and_holds_nothing_up() {
    in_world(async |world| {
        world.stop_listening().await;
        let queue = format!("{}dialer.import-events", world.prefix());
        let pattern = format!("^{}$", queue.replace('.', "\\."));
        let full = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
        // Of policies with the same priority it is open which one counts, and another one matches the queue too.
        let options = ["--apply-to", "queues", "--priority", "1"];
        policy(world, &[&["set_policy", &pattern, full], &options[..]].concat());
        let _worker = Worker::start(world, &[]);
        let mut jobs = Vec::new();
        for imports in 1..=4 {
            let tenant = world.tenant().await;
            let job = world.submit(tenant, good_rows(60)).await;
            completed(world, imports).await;
            jobs.push(job);
        }
        eventually("a refusal", async || {
            let refused = format!("queue {queue:?} refuses messages");
            world.logged().contains(&refused).then_some(())
        })
        .await;
        eventually("doctor's word for it", async || {
            let doctor = world.command().arg("doctor").output().unwrap();
            let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
            (found.contains("warning   delays") && found.contains(&queue)).then_some(())
        })
        .await;
        let log = world.logged();
        assert!(!log.contains("reconnecting") && !log.contains("ERROR"), "{log}");

        policy(world, &["clear_policy"]);
        let dialer = Connection::connect(&variable("DIALER_AMQP_URL"), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = dialer.create_channel().await.unwrap();
        let mut told = Vec::new();
        eventually("all events", async || {
            let options = BasicGetOptions { no_ack: true };
            while let Some(event) = channel.basic_get(queue.as_str().into(), options).await.unwrap() {
                let event: Value = serde_json::from_slice(&event.delivery.data).unwrap();
                if event["type"] == "dialer.import.completed" {
                    told.push(event["subject"].clone());
                }
            }
            jobs.iter()
                .all(|job| told.contains(&job["import_id"]))
                .then_some(())
        })
        .await;
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}
