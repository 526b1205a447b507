//! A dead letter is stored with the failure of its import, once, whatever dies; and moved out of the broker's queue.

use kit::{Worker, World, dialer, eventually, final_data, good_rows, id, in_world};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};
use uuid::Uuid;

/// A job whose import fails as soon as a worker takes it: its messages were lost too often.
#[cfg(feature = "failpoints")]
async fn doomed(world: &World) -> Value {
    let tenant = world.tenant().await;
    let job = world.upload(tenant, good_rows(5)).await;
    let stored = shared::contract::job::parse(job.to_string().as_bytes()).unwrap();
    sqlx::query("INSERT INTO imports.imports (import_id, tenant_id, job, sweeps) VALUES ($1, $2, $3, 6)")
        .bind(stored.import_id)
        .bind(tenant.id.get())
        .bind(serde_json::to_value(stored).unwrap())
        .execute(&world.db)
        .await
        .unwrap();
    job
}

/// A message that is not a job, but names its import.
async fn malformed(world: &World) -> Value {
    let tenant = world.tenant().await;
    json!({ "version": 1, "import_id": Uuid::new_v4(), "tenant_id": tenant.id, "no": "job" })
}

#[cfg(feature = "failpoints")]
async fn state_and_dead_letters(world: &World) -> (String, i64) {
    let state = world.value("SELECT state FROM imports.imports").await;
    (state, world.dead_letters().await)
}

/// Publishes a message to an exchange of the world, with headers.
async fn publish(world: &World, exchange: &str, key: &str, headers: &[(&str, AMQPValue)], body: &[u8]) {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    let exchange = format!("{}{exchange}", world.prefix());
    dialer::publish(&world.queues.channel, exchange.into(), key, body, table)
        .await
        .unwrap();
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_and_the_failure_of_its_import_are_one_transaction() {
    in_world(async |world| {
        let job = doomed(world).await;
        let dying = Worker::start(world, &[("FAILPOINTS", "failed-not-set-aside=return")]);
        world.publish(&job).await;
        assert!(!dying.died().await.success());
        assert_eq!(state_and_dead_letters(world).await, ("received".to_owned(), 0));

        let _next = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], "messages_lost");
        assert_eq!(state_and_dead_letters(world).await, ("failed".to_owned(), 1));
        let letter = &world.json_of(&["dead", "list"], 0).await["dead_letters"][0];
        for (name, expected) in [
            ("import_id", &job["import_id"]),
            ("tenant_id", &job["tenant_id"]),
            ("origin", &json!("requested")),
            ("import_state", &json!("failed")),
        ] {
            assert_eq!(letter[name], *expected, "{name}: {letter}");
        }
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_sets_a_message_aside_leaves_one_dead_letter_and_one_event() {
    in_world(async |world| {
        for place in ["given-up", "failure-told", "job-published"] {
            for is_known in [true, false] {
                let job = if is_known {
                    doomed(world).await
                } else {
                    malformed(world).await
                };
                let dying = Worker::start(world, &[("FAILPOINTS", &format!("{place}=return"))]);
                world.publish(&job).await;
                assert!(!dying.died().await.success(), "{place}");
                let next = Worker::start(world, &[]);
                let kind = if is_known { "failed" } else { "refused" };
                final_data(&world.final_event(&job).await, kind);
                let answers = || -> Vec<Value> {
                    let of_kind = |event: &Value| event["type"] == format!("dialer.import.{kind}");
                    world.events(&job).into_iter().filter(of_kind).collect()
                };
                // The first worker may have published it before it died; the next one publishes it in any case.
                let told = if place == "given-up" { 1 } else { 2 };
                eventually("the event of the next worker", async || {
                    (answers().len() >= told).then_some(())
                })
                .await;
                assert!(next.terminate().await.success());
                assert_eq!(
                    world.waiting("imports.requested").await,
                    0,
                    "{place}: acknowledged"
                );
                assert_eq!(world.dead_letters().await, 1, "{place}, known: {is_known}");
                world.dead_letter().await;
                let mut events = answers();
                events.dedup();
                assert_eq!(events.len(), 1, "{place}: {events:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_text_column_can_hold_is_set_aside_all_the_same() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let mut job = malformed(world).await;
        job["a\u{0}b"] = json!("c\u{0}d");
        final_data(&world.run(&job).await, "refused");
        assert_eq!(
            world.dead_letter().await,
            ("malformed".to_owned(), job.to_string().into_bytes())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_earlier_workers_are_moved_out_of_their_queue_and_change_no_import() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(3)).await;
        let text = |text: &str| AMQPValue::LongString(text.into());
        // A job that was set aside, of an import that has gone on since; and one that was too large to be kept.
        let headers = [
            ("import-reason", text("retries_exhausted")),
            ("import-error", text("the storage was away")),
            ("import-origin", text("requested")),
            ("import-tries", AMQPValue::LongUInt(15)),
            ("import-id", text(id(&job))),
            ("import-tenant", AMQPValue::LongLongInt(tenant.id.get())),
        ];
        let body = job.to_string();
        publish(world, "imports.dead", "requested", &headers, body.as_bytes()).await;
        let cut = [
            ("import-reason", text("malformed")),
            ("import-origin", text("plans.01")),
            ("import-size", AMQPValue::LongUInt(300_000)),
            ("import-id", text(id(&job))),
            ("import-tenant", AMQPValue::LongLongInt(tenant.id.get())),
        ];
        publish(world, "imports.dead", "plans.01", &cut, b"{\"version\":").await;
        let newer = [("import-reason", text("newer"))];
        publish(world, "imports.dead", "reports", &newer, b"").await;
        let worker = Worker::start(world, &[("FAILPOINTS", "planned=sleep(3000)")]);
        world.publish(&job).await;
        world.until_dead_letters(3).await;
        final_data(&world.final_event(&job).await, "completed");
        assert!(worker.terminate().await.success());
        assert_eq!(world.waiting("imports.dead").await, 0);

        let listed = world.json_of(&["dead", "list"], 0).await;
        let letters = listed["dead_letters"].as_array().unwrap();
        assert_eq!(letters.len(), 3, "{listed}");
        for (n, name, expected) in [
            (0, "reason", json!("retries_exhausted")),
            (0, "error", json!("the storage was away")),
            (0, "origin", json!("requested")),
            (0, "tries", json!(15)),
            (0, "import_id", job["import_id"].clone()),
            (0, "tenant_id", job["tenant_id"].clone()),
            (0, "size_bytes", json!(body.len())),
            (0, "is_cut", json!(false)),
            (0, "state", json!("open")),
            (1, "origin", json!("plans.01")),
            (1, "is_cut", json!(true)),
            (1, "size_bytes", json!(300_000)),
            (1, "import_id", job["import_id"].clone()),
            (2, "reason", json!("unknown")),
            (2, "error", json!("newer")),
            (2, "import_id", Value::Null),
        ] {
            assert_eq!(letters[n][name], expected, "{name}: {}", letters[n]);
        }
        let first = letters[0]["dead_letter_id"].to_string();
        let shown = world.json_of(&["dead", "show", &first], 0).await;
        assert_eq!(shown["body"], json!(body));
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_moves_a_dead_letter_leaves_one() {
    in_world(async |world| {
        publish(world, "imports.dead", "reports", &[], b"no JSON").await;
        let dying = Worker::start(world, &[("FAILPOINTS", "dead-letter-kept=return")]);
        assert!(!dying.died().await.success());
        let _next = Worker::start(world, &[]);
        world.until_logged("moved from the broker's dead letters").await;
        world.until_waiting("imports.dead", 0).await;
        let moved = world.logged();
        let moved = moved.matches("moved from the broker's dead letters");
        assert_eq!((moved.count(), world.dead_letters().await), (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_broker_sets_aside_becomes_a_dead_letter_and_fails_its_import() {
    in_world(async |world| {
        let job = world.submit(world.tenant().await, good_rows(3)).await;
        // Returned more often than its queues allow: by workers that die, say.
        for queue in ["imports.requested", "imports.suspects"] {
            world.until_waiting(queue, 1).await;
            world.take_and_return(queue, 30).await;
        }
        world.until_waiting("imports.dead", 1).await;
        // And more often than a queue of RabbitMQ 4 allows by default, where this needs the policy.
        world.take_and_return("imports.dead", 25).await;
        world.until_waiting("imports.dead", 1).await;
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "refused")["reason"], "delivery_limit");
        assert_eq!(
            world.dead_letter().await,
            ("delivery_limit".to_owned(), job.to_string().into_bytes())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_of_returns_loses_an_event() {
    in_world(async |world| {
        world.stop_listening().await;
        publish(world, "imports.events", "import.completed", &[], b"{}").await;
        world.take_and_return("dialer.import-events", 25).await;
        world.until_waiting("dialer.import-events", 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_put_off_after_its_import_failed_tells_the_failure() {
    in_world(async |world| {
        // Its worker could not report that it gave the message up: the database went away just then.
        let job = world.half_failed().await;
        let _worker = Worker::start(world, &[]);
        let rows = json!({
            "version": 1, "import_id": id(&job), "tenant_id": job["tenant_id"], "attempt": 1, "first_row": 26, "last_row": 50
        });
        let rows = rows.to_string();
        let tries = [("import-tries", AMQPValue::LongUInt(4))];
        publish(world, "imports.work", "rows.00", &tries, rows.as_bytes()).await;
        final_data(&world.final_event(&job).await, "failed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_earlier_attempt_is_replayed_as_the_job() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let letter = json!({ "import_id": id(&job), "tenant_id": job["tenant_id"] });
        let letter = world
            .set_aside("permanent_error", "rows.00", &letter)
            .await
            .to_string();
        world.execute("UPDATE imports.dead_letters SET attempt = 1").await;
        // As if a replay had been killed before it published anything.
        world.json_of(&["replay", id(&job)], 0).await;
        world.purge_all().await;
        let replayed = world.json_of(&["dead", "replay", &letter], 0).await;
        let did = replayed["dead_letters"][0]["did"].as_str().unwrap();
        assert!(did.ends_with("resumed as attempt 2"), "{did}");
        let _worker = Worker::start(world, &[]);
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
    })
    .await;
}
