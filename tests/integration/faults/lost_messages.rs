//! The broker may lose messages, and a message may kill its workers: the import is resumed, or fails and says so.

use std::time::Duration;

use kit::{Worker, World, eventually, final_data, in_world};
use serde_json::json;

use crate::{
    faults::redelivery::receive,
    imports::outcomes::{assert_passwords_verify, good_rows},
};

/// Slow enough that messages wait, and a sweep that is sure after two seconds.
const SWEPT: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "8192"),
    ("ARGON2_PASSES", "1"),
    ("SWEEP_SECONDS", "2"),
];

async fn running(world: &World) {
    eventually("a plan", async || {
        let planned: i64 =
            sqlx::query_scalar("SELECT count(*) FROM imports.imports WHERE planned_at IS NOT NULL")
                .fetch_one(&world.db)
                .await
                .unwrap();
        (planned > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_queues_were_purged_is_resumed() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let mut worker = Worker::start(world, SWEPT);
        let job = world.upload(tenant, good_rows(300)).await;
        world.publish(&job).await;
        running(world).await;
        worker.kill();
        world.purge_all().await;
        let _worker = Worker::start(world, SWEPT);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 300);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        assert!(world.logged().contains("its messages were lost"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_resumed_when_all_queues_were_deleted() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let mut worker = Worker::start(world, SWEPT);
        let job = world.upload(tenant, good_rows(100)).await;
        world.publish(&job).await;
        running(world).await;
        worker.kill();
        world.delete_work_queues().await;
        let _worker = Worker::start(world, SWEPT);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 100);
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
            let event = world.final_event(job).await;
            assert_eq!(final_data(&event, "completed")["summary"]["created"], 50);
        }
        assert!(
            !world.logged().contains("its messages were lost"),
            "{}",
            world.logged()
        );
        let rounds: i64 = sqlx::query_scalar("SELECT last_value FROM imports.probe_rounds")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert!(rounds >= 1, "the sweep did look");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_other_queues_says_nothing() {
    in_world(async |world| {
        let db = world.tools().db;
        let job = world.upload(world.tenant().await, good_rows(1)).await;
        receive(&world.tools(), job.to_string().as_bytes()).await.unwrap();
        let (few, all) = (["a", "b"].map(str::to_owned), ["a", "b", "c"].map(str::to_owned));
        let quiet = Duration::ZERO;
        let of_few = db.rescue(&few, quiet).await.unwrap();
        assert_eq!(of_few.markers.len(), 2);
        for probe in &of_few.markers {
            db.note_marker(probe).await.unwrap();
        }
        // Workers with another number of shards begin anew, and what came out before counts for nothing.
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
async fn an_import_that_was_resumed_in_vain_too_often_fails_with_an_event() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(10)).await;
        sqlx::query("INSERT INTO imports.imports (import_id, tenant_id, job, sweeps) VALUES ($1, $2, $3, 6)")
            .bind(uuid::Uuid::parse_str(job["import_id"].as_str().unwrap()).unwrap())
            .bind(tenant.id.get())
            .bind(
                serde_json::to_value(shared::contract::job::parse(job.to_string().as_bytes()).unwrap())
                    .unwrap(),
            )
            .execute(&world.db)
            .await
            .unwrap();
        let _worker = Worker::start(world, SWEPT);
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], json!("messages_lost"));
        assert_eq!(world.dead_letter().await.0, "messages_lost");
    })
    .await;
}
