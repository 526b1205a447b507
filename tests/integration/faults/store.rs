//! Object stores whose answers are worded differently from Amazon's, or are incomplete.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use kit::{AlteredStore, Answer, Worker, World, final_data, good_rows, in_world, variable};
use serde_json::Value;

use super::outages::finished_whole;

/// A worker whose store's answers to reading uploads are altered.
async fn with_uploads_altered(
    world: &World,
    alter: impl Fn(Answer) -> Answer + Send + Sync + 'static,
) -> (AlteredStore, Worker) {
    let store = AlteredStore::before(&variable("S3_ENDPOINT"), move |request, answer| {
        match request.starts_with("GET ") && request.contains("/uploads/") {
            true => alter(answer),
            false => answer,
        }
    })
    .await;
    let worker = Worker::start(world, &[("S3_ENDPOINT", &store.endpoint())]);
    (store, worker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_is_missing_in_whatever_words() {
    in_world(async |world| {
        for (status, body) in [
            ("404 Not Found", ""),
            ("404 Not Found", "<html><h1>nothing here</h1></html>"),
            ("404 Not Found", "<Error><Code>NoSuchVersion</Code></Error>"),
            ("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>"),
            ("410 Gone", ""),
        ] {
            let (_store, worker) = with_uploads_altered(world, move |_| Answer::plain(status, body)).await;
            let job = world.submit(world.tenant().await, good_rows(3)).await;
            let event = world.final_event(&job).await;
            assert_eq!(
                final_data(&event, "rejected")["code"],
                "object_missing",
                "{status} {body}"
            );
            worker.terminate().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_is_the_same_weak_or_strong_and_however_it_is_quoted() {
    in_world(async |world| {
        let weak = |mut answer: Answer| {
            for line in &mut answer.head {
                if let Some(etag) = line.to_ascii_lowercase().strip_prefix("etag: ") {
                    *line = format!("etag: W/{etag}");
                }
            }
            answer
        };
        let (_store, _worker) = with_uploads_altered(world, weak).await;
        let content = good_rows(5);
        let written = kit::storage()
            .put("tenants/0/etag", content.clone().into(), "text/csv")
            .await;
        let etag = written.unwrap().unwrap();
        for given in [
            etag.clone(),
            format!("\"{etag}\""),
            format!("W/\"{etag}\""),
            format!("'{etag}'"),
        ] {
            let tenant = world.tenant().await;
            let mut job = world.upload(tenant, content.clone()).await;
            job["source"]["etag"] = Value::from(given);
            world.publish(&job).await;
            finished_whole(world, &job, 5).await;
        }
    })
    .await;
}

/// Half of a body, as it comes from a connection that breaks.
fn half(answer: &Answer) -> Vec<u8> {
    answer.body[..answer.body.len() / 2].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_cut_short_is_never_imported_as_if_it_were_whole() {
    in_world(async |world| {
        let without_length = |answer: Answer| Answer {
            body: half(&answer),
            ..answer.without("content-length")
        };
        let with_its_length = |answer: Answer| {
            let body = half(&answer);
            let mut answer = answer.without("content-length");
            answer.head.push(format!("content-length: {}", body.len()));
            Answer { body, ..answer }
        };
        let without_anything = |answer: Answer| Answer {
            body: half(&answer),
            ..answer.without("content-length").without("etag")
        };
        let cuts: [fn(Answer) -> Answer; 3] = [without_length, with_its_length, without_anything];
        for cut in cuts {
            let reads = AtomicU32::new(0);
            let (_store, worker) =
                with_uploads_altered(world, move |answer| match reads.fetch_add(1, Ordering::Relaxed) {
                    0 | 1 => cut(answer),
                    _ => answer,
                })
                .await;
            let tenant = world.tenant().await;
            let job = world.submit(tenant, good_rows(40)).await;
            finished_whole(world, &job, 40).await;
            assert!(worker.terminate().await.success());
        }
        assert!(
            world.logged().matches("cut short").count() >= 6,
            "{}",
            world.logged()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_us_is_named_and_tried_again_for_a_while() {
    in_world(async |world| {
        let refuses = Arc::new(AtomicBool::new(true));
        let (_store, _worker) = with_uploads_altered(world, {
            let refuses = Arc::clone(&refuses);
            move |answer| match refuses.load(Ordering::Relaxed) {
                true => Answer::plain("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code></Error>"),
                false => answer,
            }
        })
        .await;
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(3)).await;
        world
            .until_logged("was refused with 403 (InvalidAccessKeyId)")
            .await;
        refuses.store(false, Ordering::Relaxed);
        finished_whole(world, &job, 3).await;
    })
    .await;
}
