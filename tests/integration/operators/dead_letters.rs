//! Dead letters: written down with the failure of their import, once, whatever dies; moved out of the broker's queue;
//! listed, replayed and discarded in any number.

use kit::{Worker, World, eventually, final_data, in_world, variable};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions, BasicRejectOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use super::cancel_and_replay::{audited, id, json_of, run};
use crate::imports::outcomes::good_rows;

/// A job whose import is given up as soon as a worker takes it: its messages were lost too often.
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

/// A job that is none, but names its import.
async fn malformed(world: &World) -> Value {
    let tenant = world.tenant().await;
    json!({ "version": 1, "import_id": Uuid::new_v4(), "tenant_id": tenant.id, "no": "job" })
}

async fn state_of(world: &World, job: &Value) -> String {
    sqlx::query_scalar("SELECT state FROM imports.imports WHERE import_id = $1")
        .bind(Uuid::parse_str(id(job)).unwrap())
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// An open dead letter with this body, as a worker would have written it.
async fn set_aside(world: &World, reason: &str, origin: &str, body: &Value) -> i64 {
    sqlx::query_scalar(
        "INSERT INTO imports.dead_letters (reason, origin, import_id, tenant_id, retry_count, size_bytes, body, fingerprint)
         VALUES ($1, $2, ($3->>'import_id')::uuid, ($3->>'tenant_id')::bigint, 0, octet_length($4), $4, $5)
      RETURNING dead_letter_id",
    )
    .bind(reason)
    .bind(origin)
    .bind(body)
    .bind(body.to_string().into_bytes())
    .bind(Uuid::new_v4().as_bytes().as_slice())
    .fetch_one(&world.db)
    .await
    .unwrap()
}

async fn channel() -> (Connection, Channel) {
    let connection = Connection::connect(&variable("AMQP_ADMIN_URL"), ConnectionProperties::default())
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .unwrap();
    (connection, channel)
}

/// Publishes a message to an exchange of the world, with headers.
async fn publish(world: &World, exchange: &str, key: &str, headers: &[(&str, AMQPValue)], body: &[u8]) {
    let (_connection, channel) = channel().await;
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(table);
    let exchange = format!("{}{exchange}", world.prefix());
    let sent = channel.basic_publish(
        exchange.into(),
        key.into(),
        BasicPublishOptions::default(),
        body,
        properties,
    );
    assert!(sent.await.unwrap().await.unwrap().is_ack());
}

/// Takes the only message of a queue and returns it, so often or until it is gone.
async fn take_and_return(world: &World, queue: &str, times: u32) {
    let (_connection, channel) = channel().await;
    let queue = format!("{}{queue}", world.prefix());
    for _ in 0..times {
        let got = channel
            .basic_get(queue.as_str().into(), BasicGetOptions::default())
            .await
            .unwrap();
        let Some(message) = got else { return };
        message
            .delivery
            .acker
            .reject(BasicRejectOptions { requeue: true })
            .await
            .unwrap();
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_and_the_failure_of_its_import_are_one_transaction() {
    in_world(async |world| {
        let job = doomed(world).await;
        let dying = Worker::start(world, &[("FAILPOINTS", "failed-not-set-aside=return")]);
        world.publish(&job).await;
        assert!(!dying.died().await.success());
        assert_eq!(
            (state_of(world, &job).await.as_str(), world.dead_letters().await),
            ("received", 0)
        );

        let _next = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], "messages_lost");
        assert_eq!(
            (state_of(world, &job).await.as_str(), world.dead_letters().await),
            ("failed", 1)
        );
        let letter = &json_of(world, &["dead", "list"], 0).await["dead_letters"][0];
        assert_eq!(
            (
                &letter["import_id"],
                &letter["tenant_id"],
                &letter["origin"],
                &letter["import_state"]
            ),
            (
                &job["import_id"],
                &job["tenant_id"],
                &json!("requested"),
                &json!("failed")
            ),
        );
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
                final_data(&world.final_event(&job).await, "failed");
                // The first worker may have told it before it died; the next one tells it in any case.
                let told = if place == "given-up" { 1 } else { 2 };
                eventually("the event of the next worker", async || {
                    (world.events(&job).len() >= told).then_some(())
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
                let mut events = world.events(&job);
                events.dedup_by(|one, other| one["id"] == other["id"]);
                assert_eq!(events.len(), 1, "{place}: {events:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_text_column_can_hold_is_set_aside_all_the_same() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let mut job = malformed(world).await;
        job["a\u{0}b"] = json!("c\u{0}d");
        world.publish(&job).await;
        final_data(&world.final_event(&job).await, "failed");
        let (reason, body) = world.dead_letter().await;
        assert_eq!(
            (reason.as_str(), body),
            ("malformed", job.to_string().into_bytes())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_earlier_workers_are_moved_out_of_their_queue_and_change_no_import() {
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
        publish(
            world,
            "imports.dead",
            "reports",
            &[("import-reason", text("newer"))],
            b"",
        )
        .await;
        let worker = Worker::start(world, &[("FAILPOINTS", "planned=sleep(3000)")]);
        world.publish(&job).await;
        eventually("the dead letters", async || {
            (world.dead_letters().await == 3).then_some(())
        })
        .await;
        final_data(&world.final_event(&job).await, "completed");
        assert!(worker.terminate().await.success());
        assert_eq!(world.waiting("imports.dead").await, 0);

        let listed = json_of(world, &["dead", "list"], 0).await;
        let [first, second, third] = listed["dead_letters"].as_array().unwrap().as_slice() else {
            panic!("{listed}")
        };
        for (name, expected) in [
            ("reason", json!("retries_exhausted")),
            ("error", json!("the storage was away")),
            ("origin", json!("requested")),
            ("tries", json!(15)),
            ("import_id", job["import_id"].clone()),
            ("tenant_id", job["tenant_id"].clone()),
            ("size_bytes", json!(body.len())),
            ("is_cut", json!(false)),
            ("state", json!("open")),
        ] {
            assert_eq!(first[name], expected, "{name}: {first}");
        }
        assert_eq!(
            (
                &second["origin"],
                &second["is_cut"],
                &second["size_bytes"],
                &second["import_id"]
            ),
            (
                &json!("plans.01"),
                &json!(true),
                &json!(300_000),
                &job["import_id"]
            )
        );
        assert_eq!(
            (&third["reason"], &third["error"], &third["import_id"]),
            (&json!("unknown"), &json!("newer"), &Value::Null)
        );
        let shown = json_of(world, &["dead", "show", &first["dead_letter_id"].to_string()], 0).await;
        assert_eq!(shown["body"], json!(body));
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_moves_a_letter_leaves_one() {
    in_world(async |world| {
        publish(world, "imports.dead", "reports", &[], b"no JSON").await;
        let dying = Worker::start(world, &[("FAILPOINTS", "dead-letter-kept=return")]);
        assert!(!dying.died().await.success());
        let _next = Worker::start(world, &[]);
        eventually("the end of the letter", async || {
            let moved = world
                .logged()
                .matches("moved from the broker's dead letters")
                .count();
            (moved == 1 && world.waiting("imports.dead").await == 0).then_some(())
        })
        .await;
        assert_eq!(world.dead_letters().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_sets_aside_becomes_a_dead_letter_and_fails_its_import() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(3)).await;
        world.publish(&job).await;
        // Returned more often than its queues allow: by workers that die, say.
        for queue in ["imports.requested", "imports.suspects"] {
            eventually("the message", async || {
                (world.waiting(queue).await == 1).then_some(())
            })
            .await;
            take_and_return(world, queue, 30).await;
        }
        eventually("the broker's dead letter", async || {
            (world.waiting("imports.dead").await == 1).then_some(())
        })
        .await;
        // And more often than a queue of RabbitMQ 4 allows by itself, which there needs the policy.
        take_and_return(world, "imports.dead", 25).await;
        eventually("the letter in its place", async || {
            (world.waiting("imports.dead").await == 1).then_some(())
        })
        .await;
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "failed")["reason"], "delivery_limit");
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
        take_and_return(world, "dialer.import-events", 25).await;
        eventually("the event in its place", async || {
            (world.waiting("dialer.import-events").await == 1).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_dead_letters_is_listed_and_changed_page_by_page() {
    in_world(async |world| {
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        // 1200 letters: every third of the other tenant, every fourth for another reason; the first 200 are a day old.
        sqlx::query(
            "INSERT INTO imports.dead_letters (reason, origin, import_id, tenant_id, retry_count, size_bytes, body,
                                               fingerprint, set_aside_at)
             SELECT CASE WHEN n % 4 = 0 THEN 'malformed' ELSE 'retries_exhausted' END, 'requested', gen_random_uuid(),
                    CASE WHEN n % 3 = 0 THEN $2 ELSE $1 END, 0, 2, '{}', int4send(n),
                    now() - make_interval(days => CASE WHEN n <= 200 THEN 1 ELSE 0 END)
               FROM generate_series(1, 1200) n",
        )
        .bind(tenant.id.get())
        .bind(other.id.get())
        .execute(&world.db)
        .await
        .unwrap();

        let (mut after, mut numbers) = (0, Vec::new());
        loop {
            let page = json_of(world, &["dead", "list", "--limit", "500", "--after", &after.to_string()], 0).await;
            let letters = page["dead_letters"].as_array().unwrap();
            numbers.extend(letters.iter().map(|letter| letter["dead_letter_id"].as_i64().unwrap()));
            let Some(next) = page["next"].as_i64() else { break };
            after = next;
        }
        assert_eq!(numbers.len(), 1200);
        assert!(numbers.is_sorted_by(|one, other| one < other));

        let others = other.id.to_string();
        for (filter, expected) in [
            (["--dead-reason", "malformed"].as_slice(), 300),
            (&["--tenant", &others], 400),
            (&["--tenant", &others, "--dead-reason", "malformed"], 100),
            (&["--older-than", "12h"], 200),
            (&["--newer-than", "12h", "--tenant", &others], 334),
            (&["--over"], 0),
            (&["--state", "discarded"], 0),
        ] {
            let arguments: Vec<&str> = ["dead", "list", "--limit", "10000"].iter().chain(filter).copied().collect();
            let found = json_of(world, &arguments, 0).await;
            assert_eq!(found["dead_letters"].as_array().unwrap().len(), expected, "{filter:?}");
        }

        let would = run(world, &["dead", "discard", "--tenant", &others]).await;
        let would_text = String::from_utf8(would.stdout).unwrap();
        assert_eq!(would.status.code(), Some(5), "{would_text}");
        assert!(would_text.starts_with("this would discard 400 dead letters:"), "{would_text}");
        assert!(would_text.contains("… and 380 more"), "{would_text}");
        let dry = json_of(world, &["dead", "discard", "--all", "--dry-run"], 0).await;
        assert_eq!((dry["dead_letters"].as_array().unwrap().len(), &dry["changed"]), (1200, &json!(false)));
        assert_eq!(world.dead_letters().await, 1200);

        let discarded = json_of(world, &["dead", "discard", "--tenant", &others, "--yes", "--reason", "junk"], 0).await;
        assert_eq!(discarded["dead_letters"].as_array().unwrap().len(), 400);
        assert_eq!(world.dead_letters().await, 800);
        json_of(world, &["dead", "replay", "--dead-reason", "malformed"], 0).await;
        assert_eq!(world.dead_letters().await, 600);
        assert_eq!(world.waiting("imports.requested").await, 200);
        let commands = audited(world).await;
        let count = |command: &str| commands.iter().filter(|entry| entry.0 == command).count();
        assert_eq!((count("dead discard"), count("dead replay")), (400, 200));
        let gone = json_of(world, &["dead", "list", "--state", "discarded", "--limit", "1"], 0).await;
        assert_eq!(gone["dead_letters"][0]["closed_by"], "olga");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_two_operators_replay_at_once_is_done_once() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(20)).await;
        let number = set_aside(world, "retries_exhausted", "requested", &job)
            .await
            .to_string();
        let replay = ["dead", "replay", number.as_str()];
        let (one, other) = tokio::join!(run(world, &replay), run(world, &replay));
        for output in [&one, &other] {
            let text = String::from_utf8_lossy(&output.stderr);
            // The slower one may have found it closed already.
            assert!(
                output.status.success() || text.contains("there is no open dead letter"),
                "{text}"
            );
        }
        assert!(one.status.success() || other.status.success());
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 20);
        assert_eq!(world.dead_letters().await, 0);
        assert_eq!(audited(world).await.len(), 1);
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_dies_before_it_is_noted_is_made_again_and_does_no_harm() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(20)).await;
        set_aside(world, "retries_exhausted", "requested", &job).await;
        let mut dying = world.command();
        dying
            .args(["dead", "replay", "--all"])
            .env("FAILPOINTS", "dead-letter-published=return");
        let died = tokio::task::spawn_blocking(move || dying.output().unwrap())
            .await
            .unwrap();
        assert!(!died.status.success(), "{died:?}");
        assert_eq!(
            (
                world.dead_letters().await,
                world.waiting("imports.requested").await
            ),
            (1, 1)
        );
        json_of(world, &["dead", "replay", "--all"], 0).await;
        assert_eq!(
            (
                world.dead_letters().await,
                world.waiting("imports.requested").await
            ),
            (0, 2)
        );
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_no_queue_takes_stays_and_the_others_go() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        set_aside(world, "malformed", "nowhere", &json!({})).await;
        set_aside(world, "retries_exhausted", "requested", &job).await;
        let replayed = json_of(world, &["dead", "replay", "--all"], 1).await;
        let did = |n: usize| replayed["dead_letters"][n]["did"].as_str().unwrap();
        assert!(
            did(0).contains("left where it is") && did(0).contains("found no queue"),
            "{replayed}"
        );
        assert_eq!(did(1), "sent to requested again");
        assert_eq!(world.dead_letters().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_removes_closed_dead_letters_and_keeps_open_ones() {
    in_world(async |world| {
        let mut numbers = Vec::new();
        for n in 0..3 {
            numbers.push(
                set_aside(world, "malformed", "requested", &json!({ "n": n }))
                    .await
                    .to_string(),
            );
        }
        for number in &numbers[..2] {
            json_of(world, &["dead", "discard", number, "--yes"], 0).await;
        }
        sqlx::query(
            "UPDATE imports.dead_letters SET set_aside_at = set_aside_at - interval '91 days',
                    closed_at = closed_at - interval '91 days' WHERE dead_letter_id::text = ANY ($1)",
        )
        .bind(vec![numbers[0].clone(), numbers[2].clone()])
        .execute(&world.db)
        .await
        .unwrap();
        assert_eq!(json_of(world, &["purge"], 5).await["changed"], false);
        assert_eq!(json_of(world, &["purge", "--yes"], 0).await["dead_letters"], 1);
        assert_eq!(json_of(world, &["purge", "--yes"], 0).await["changed"], false);
        let left = sqlx::query(
            "SELECT dead_letter_id::text, state FROM imports.dead_letters ORDER BY dead_letter_id",
        )
        .fetch_all(&world.db)
        .await
        .unwrap();
        let left: Vec<(String, String)> = left.iter().map(|row| (row.get(0), row.get(1))).collect();
        assert_eq!(
            left,
            [
                (numbers[1].clone(), "discarded".to_owned()),
                (numbers[2].clone(), "open".to_owned())
            ]
        );
        assert_eq!(audited(world).await.last().unwrap().0, "purge");
    })
    .await;
}
