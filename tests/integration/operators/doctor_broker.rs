//! `doctor` sees what is wrong with the broker, by AMQP and by RabbitMQ's management API. The faults are made on brokers of the
//! test's own.

use kit::{OwnServer, Worker, World, eventually, in_world, in_world_of};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueDeleteOptions},
    types::FieldTable,
};
use serde_json::Value;

use super::doctor::{examined, told, verdict};

const DELIVERY_LIMIT: &str = "user-import-delivery-limit";

async fn connected(url: &str) -> Connection {
    Connection::connect(url, ConnectionProperties::default())
        .await
        .unwrap()
}

async fn declare(world: &World, variables: &[(&str, &str)]) {
    let ran = world.user_import_with(variables, &["topology"]).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Examines until a check has a verdict: the management API learns of changes only after some seconds.
async fn until(world: &World, variables: &[(&str, &str)], code: i32, check: &str, expected: &str) -> Value {
    eventually(&format!("{check} {expected}"), async || {
        let ran = world.user_import_with(variables, &["doctor", "--json"]).await;
        let found = ran.json();
        let is_so = verdict(&found, check) == expected && ran.code == Some(code);
        is_so.then_some(found)
    })
    .await
}

/// Publishes events that belong to no import.
async fn publish_event(world: &World, connection: &Connection, count: usize) {
    let channel = connection.create_channel().await.unwrap();
    for _ in 0..count {
        channel
            .basic_publish(
                world.topology().events_exchange(),
                "import.progress".into(),
                BasicPublishOptions::default(),
                b"{}",
                BasicProperties::default(),
            )
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_alarms_missing_rights_and_events_that_nobody_reads() {
    in_world(async |world| {
        let broker = OwnServer::broker(&world.scratch().join("broker")).await;
        let variables = broker.variables();
        declare(world, &variables).await;
        let healthy = until(world, &variables, 0, "delivery limits", "ok").await;
        for check in [
            "broker permissions",
            "publishing",
            "events",
            "broker alarms",
            "replicas",
        ] {
            assert_eq!(verdict(&healthy, check), "ok", "{healthy}");
        }
        assert_eq!(healthy["unchecked"], 0, "{healthy}");

        // Without the API, it says what could not be examined.
        let blind = [
            ("AMQP_URL", broker.variable("AMQP_URL")),
            ("RABBITMQ_API_URL", ""),
        ];
        let found = examined(world, &blind, 0).await;
        assert_eq!(verdict(&found, "management API"), "unchecked", "{found}");
        let wrong = broker
            .variable("RABBITMQ_API_URL")
            .replace("monitor:", "monitor:x");
        let wrong = [variables[0], ("RABBITMQ_API_URL", wrong.as_str())];
        assert_eq!(
            verdict(&examined(world, &wrong, 1).await, "management API"),
            "failed"
        );

        // A policy is missing.
        let vhost = ["-p", "user-import"];
        broker
            .control(&["clear_policy", vhost[0], vhost[1], DELIVERY_LIMIT])
            .await;
        let found = until(world, &variables, 0, "delivery limits", "warning").await;
        assert!(
            told(&found, "delivery limits").contains("dialer.import-events"),
            "{found}"
        );

        // No right to configure.
        let ours = ".*imports.*|.*dialer.*";
        let rights = [
            "set_permissions",
            vhost[0],
            vhost[1],
            "user-import",
            "^$",
            ours,
            ours,
        ];
        broker.control(&rights).await;
        let found = examined(world, &variables, 1).await;
        assert!(
            told(&found, "broker permissions").starts_with("refused: declare exchange "),
            "{found}"
        );
        let rights = [
            "set_permissions",
            vhost[0],
            vhost[1],
            "user-import",
            ours,
            ours,
            ours,
        ];
        broker.control(&rights).await;

        // Events that nobody reads, and events that somebody holds.
        let admin = connected(broker.variable("AMQP_ADMIN_URL")).await;
        publish_event(world, &admin, 1).await;
        let found = until(world, &variables, 0, "events", "warning").await;
        assert!(told(&found, "events").starts_with("1 in "), "{found}");
        let channel = admin.create_channel().await.unwrap();
        let _holding = channel
            .basic_consume(
                world.topology().dialer_queue(),
                "holding".into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .unwrap();
        publish_event(world, &admin, 1000).await;
        until(world, &variables, 0, "unread events", "warning").await;

        // An alarm: of memory, then of the disk; with somebody who keeps publishing.
        for (set, cleared, reason, alarm) in [
            (
                ["set_vm_memory_high_watermark", "0.00001"],
                ["set_vm_memory_high_watermark", "0.9"],
                "memory",
                "is short of memory",
            ),
            (
                ["set_disk_free_limit", "9000GB"],
                ["set_disk_free_limit", "10MB"],
                "disk",
                "is short of disk space",
            ),
        ] {
            broker.control(&set).await;
            publish_event(world, &admin, 1).await;
            // The API may report the blocked connection before the alarm.
            let found = eventually(alarm, async || {
                let found = until(world, &variables, 1, "broker alarms", "failed").await;
                told(&found, "broker alarms").contains(alarm).then_some(found)
            })
            .await;
            assert_eq!(verdict(&found, "publishing"), "failed", "{found}");
            let text = told(&found, "publishing");
            assert!(text.contains(reason), "{text}");
            eventually("the blocked connection", async || {
                let found = examined(world, &variables, 1).await;
                let text = told(&found, "broker alarms");
                (text.contains("blocked, of user") && text.contains("owner")).then_some(())
            })
            .await;
            broker.control(&cleared).await;
            until(world, &variables, 0, "broker alarms", "ok").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_queues_that_lack_a_replica_and_a_node_that_is_down() {
    in_world(async |world| {
        let broker = OwnServer::broker(&world.scratch().join("broker")).await;
        let variables = broker.variables();
        declare(world, &variables).await;
        let second = broker.second_node(&world.scratch().join("second")).await;
        let found = until(world, &variables, 0, "replicas", "warning").await;
        let text = told(&found, "replicas");
        assert!(text.contains("are on fewer than 2 of 2 nodes"), "{text}");

        drop(second);
        let found = until(world, &variables, 1, "broker alarms", "failed").await;
        let text = told(&found, "broker alarms");
        assert!(text.contains("is down"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_sees_shards_that_nobody_reads() {
    in_world_of(4, async |world| {
        let fewer = [("AMQP_SHARDS", "2")];
        let found = examined(world, &fewer, 0).await;
        assert_eq!(verdict(&found, "shards"), "warning", "{found}");
        let text = told(&found, "shards");
        assert!(text.contains("is 2, but there are queues of 4 shards"), "{text}");

        let connection = connected(&kit::variable("AMQP_ADMIN_URL")).await;
        let channel = connection.create_channel().await.unwrap();
        channel
            .basic_publish(
                world.topology().work_exchange(),
                "rows.03".into(),
                BasicPublishOptions::default(),
                b"{}",
                BasicProperties::default(),
            )
            .await
            .unwrap();
        let found = until(world, &fewer, 1, "shards", "failed").await;
        let text = told(&found, "shards");
        assert!(text.contains("1 message waits"), "{text}");
        assert!(text.contains("AMQP_SHARDS=4"), "{text}");

        assert_eq!(verdict(&examined(world, &[], 0).await, "shards"), "ok");
        let queue = format!("{}imports.plans.02", world.prefix());
        channel
            .queue_delete(queue.as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap();
        let found = examined(world, &[], 1).await;
        assert!(told(&found, "topology").contains(&queue), "{found}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_queues_that_no_worker_reads() {
    in_world_of(2, async |world| {
        // As queues without a leader look, and those of a shard that the workers do not know.
        let worker = Worker::start(world, &[("AMQP_SHARDS", "1")]);
        // Once it reads all that it knows.
        let found = eventually("the unread queues", async || {
            let found = until(world, &[], 0, "unread queues", "warning").await;
            let is_reading = !told(&found, "unread queues").contains("imports.requested");
            is_reading.then_some(found)
        })
        .await;
        let text = told(&found, "unread queues");
        for part in ["imports.plans.01", "imports.rows.01", "leader"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("imports.plans.00"), "{text}");
        assert_eq!(verdict(&found, "workers"), "ok", "{found}");
        drop(worker);
    })
    .await;
}
