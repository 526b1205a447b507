//! The broker may lose messages, and a message may kill its workers: the import is resumed, or fails and says so.

use std::time::Duration;

use kit::{Worker, final_data, good_rows, id, in_world, steps::receive};
use lapin::{BasicProperties, options::BasicPublishOptions};
use serde_json::json;
use worker::message::MarkedQueue;

/// Slow enough that messages wait, and a sweep that is sure after two seconds.
const SWEPT: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "8192"),
    ("ARGON2_PASSES", "1"),
    ("SWEEP_SECONDS", "2"),
];

const PLANNED: &str = "SELECT count(planned_at) > 0 FROM imports.imports";

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_queues_were_purged_is_rescued() {
    in_world(async |world| {
        let mut worker = Worker::start(world, SWEPT);
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        world.until(PLANNED).await;
        worker.kill();
        world.purge_all().await;
        let _worker = Worker::start(world, SWEPT);
        world.completed_whole(&job, 300).await;
        world.until_logged("its messages were lost").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_queues_were_deleted_is_rescued() {
    in_world(async |world| {
        let mut worker = Worker::start(world, SWEPT);
        let job = world.submit(world.tenant().await, good_rows(100)).await;
        world.until(PLANNED).await;
        worker.kill();
        world.delete_work_queues().await;
        let _worker = Worker::start(world, SWEPT);
        world.completed_whole(&job, 100).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_that_wait_behind_a_backlog_are_left_alone() {
    in_world(async |world| {
        // One hash takes so long that the last import waits for several times the quiet time, and a batch has so few rows that
        // those which a worker holds do not outlast it, however slow the machine is.
        let slow = &[
            ("ARGON2_MEMORY_KIB", "19456"),
            ("HASH_THREADS", "1"),
            ("BATCH_ROWS", "5"),
            ("SWEEP_SECONDS", "2"),
        ];
        let _worker = Worker::start(world, slow);
        let mut jobs = Vec::new();
        for _ in 0..8 {
            jobs.push(world.upload(world.tenant().await, good_rows(50)).await);
        }
        for job in &jobs {
            world.publish(job).await;
        }
        for job in &jobs {
            world.completed_whole(job, 50).await;
        }
        assert!(
            !world.logged().contains("its messages were lost"),
            "{}",
            world.logged()
        );
        let rounds: i64 = world.value("SELECT last_value FROM imports.probe_rounds").await;
        assert!(rounds >= 1, "the sweep did look");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markers_of_another_set_of_queues_prove_no_loss() {
    in_world(async |world| {
        let db = world.context().db;
        let job = world.upload(world.tenant().await, good_rows(1)).await;
        receive(&world.context(), &job).await;
        let marked = |key: &str| MarkedQueue {
            key: key.to_owned(),
            shard: None,
        };
        let (few, all) = (["a", "b"].map(marked), ["a", "b", "c"].map(marked));
        let quiet = Duration::ZERO;
        let of_few = db.rescue(&few, quiet).await.unwrap();
        assert_eq!(of_few.markers.len(), 2);
        for probe in &of_few.markers {
            db.note_marker(probe).await.unwrap();
        }
        // Workers with another number of shards start over, and what came out before does not count.
        let of_all = db.rescue(&all, quiet).await.unwrap();
        assert_eq!((of_all.markers.len(), of_all.lost.len()), (3, 0));
        for probe in of_few.markers.iter().chain(&of_all.markers[..2]) {
            db.note_marker(probe).await.unwrap();
        }
        assert_eq!(db.rescue(&all, quiet).await.unwrap().lost, []);
        db.note_marker(&of_all.markers[2]).await.unwrap();
        assert_eq!(db.rescue(&all, quiet).await.unwrap().lost.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_is_believed_of_workers_alone() {
    in_world(async |world| {
        world
            .execute("INSERT INTO imports.probes (queue, round, since, sent_at) VALUES ('requested', 7, now(), now())")
            .await;
        let topology = world.topology();
        let publish = async |exchange, expires: bool| {
            let properties = BasicProperties::default().with_type("probe".into());
            let properties = if expires {
                properties.with_expiration("1".into())
            } else {
                properties
            };
            let (channel, options) = (&world.queues.channel, BasicPublishOptions::default());
            let body = br#"{"queue":"requested","round":7}"#;
            channel
                .basic_publish(exchange, "requested".into(), options, body, properties)
                .await
                .unwrap();
        };
        // As the Dialer's user could, directly or through the quarantine, where messages go that expire in the queue of
        // jobs.
        publish(topology.jobs_exchange(), true).await;
        world.until_waiting("imports.suspects", 1).await;
        publish(topology.jobs_exchange(), false).await;
        let _worker = Worker::start(world, &[]);
        world.until_logged("connected, consuming").await;
        world.until_no_work_waits().await;
        let believed = "SELECT count(returned_at) = 1 FROM imports.probes";
        assert!(!world.value::<bool>(believed).await);
        publish(topology.work_exchange(), false).await;
        world.until(believed).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_comes_back_again_and_again_is_no_message_that_kills_workers() {
    in_world(async |world| {
        let worker = Worker::start(world, &[]);
        world.until_logged("connected, consuming").await;
        assert!(worker.terminate().await.success());
        let quarantine = world.topology().quarantine();
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_type("probe".into());
        let body = br#"{"queue":"suspects","round":1}"#;
        let published = world
            .queues
            .channel
            .basic_publish(
                quarantine,
                "suspects".into(),
                BasicPublishOptions::default(),
                body,
                properties,
            )
            .await;
        published.unwrap();
        world.until_waiting("imports.suspects", 1).await;
        world.take_and_return("imports.suspects", 5).await;
        let _worker = Worker::start(world, &[]);
        world.until_no_work_waits().await;
        let letters: i64 = world.value("SELECT count(*) FROM imports.dead_letters").await;
        assert_eq!(letters, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_rescued_too_often_fails_with_an_event() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(10)).await;
        sqlx::query("INSERT INTO imports.imports (import_id, tenant_id, job, sweeps) VALUES ($1, $2, $3, 6)")
            .bind(uuid::Uuid::parse_str(id(&job)).unwrap())
            .bind(tenant.id.get())
            .bind(
                serde_json::to_value(shared::contract::job::parse(job.to_string().as_bytes()).unwrap())
                    .unwrap(),
            )
            .execute(&world.db)
            .await
            .unwrap();
        let _worker = Worker::start(world, SWEPT);
        let event = world.run(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], json!("messages_lost"));
        assert_eq!(world.dead_letter().await.0, "messages_lost");
    })
    .await;
}
