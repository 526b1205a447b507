//! Messages that claim to be what only the broker or a worker may say.

use kit::{
    Worker, eventually, final_data, good_rows, in_world,
    raw_amqp::{RawProperties, RawPublisher, entry, long, short},
    variable,
};
use serde_json::{Value, json};

use super::{Case, Fate::DeadLetter, case, dead_letters, headers, hold};

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_the_brokers_or_ours_are_not_believed() {
    let count = |name: &[u8]| entry(name, b'l', &99_i64.to_be_bytes());
    let text = |name: &[u8], text: &[u8]| entry(name, b'S', &long(text));
    let death = [text(b"queue", b"imports.reports"), text(b"reason", b"expired")].concat();
    let deaths = entry(b"x-death", b'A', &long(&[b"F", &long(&death)[..]].concat()));
    hold(vec![
        headers(
            "counts",
            DeadLetter,
            &[
                count(b"x-delivery-count"),
                count(b"import-tries"),
                count(b"x-acquired-count"),
            ]
            .concat(),
        ),
        headers(
            "counts that are texts",
            DeadLetter,
            &[text(b"x-delivery-count", b"9"), text(b"import-tries", b"9")].concat(),
        ),
        headers("deaths", DeadLetter, &deaths),
        headers(
            "deaths that are not deaths",
            DeadLetter,
            &entry(b"x-death", b'A', &long(b"V")),
        ),
        headers(
            "a dead letter's",
            DeadLetter,
            &[
                text(b"import-reason", b"x"),
                text(b"import-origin", b"reports"),
                text(b"import-id", b"x"),
            ]
            .concat(),
        ),
        case(
            "a marker's type",
            DeadLetter,
            RawProperties::one(10, short(b"probe")),
        ),
        Case {
            body: json!({ "queue": "reports", "round": 1 }).to_string().into_bytes(),
            ..case(
                "a marker of another queue",
                DeadLetter,
                RawProperties::one(10, short(b"probe")),
            )
        },
    ])
    .await;
}

/// A job as an outsider may write it: with headers that say it had failed and been handed out often, and with a time after
/// which the broker is to take it out of the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_forged_counts_is_done_as_any_other() {
    in_world(async |world| {
        let counts = [&b"x-delivery-count"[..], b"import-tries", b"x-acquired-count"]
            .map(|name| entry(name, b'l', &99_i64.to_be_bytes()))
            .concat();
        let expiring = RawProperties {
            flags: RawProperties::headers(&[]).flags | RawProperties::one(7, vec![]).flags,
            bytes: [long(&counts), short(b"1")].concat(),
        };
        let exchange = format!("{}imports", world.prefix());
        let tenant = world.tenant().await;
        let mut jobs = Vec::new();
        // The expiring one first: it expires only at the head of its queue.
        for properties in [expiring, RawProperties::headers(&counts)] {
            let job = world.upload(tenant, good_rows(1)).await;
            let body = job.to_string();
            let publisher = RawPublisher::connect().await;
            publisher
                .publish(&exchange, b"requested", &properties, body.as_bytes())
                .await
                .unwrap();
            jobs.push(job);
        }
        // The first has left its queue for that of the suspects, as after too many deliveries.
        eventually("the job in quarantine", async || {
            (world.waiting("imports.suspects").await == 1).then_some(())
        })
        .await;
        let tap = world.tap(&["imports.delay.1s"]).await;
        // For a while no job can be kept, and the first failure counts as the first.
        sqlx::raw_sql("ALTER TABLE imports.imports ADD CONSTRAINT never CHECK (false) NOT VALID")
            .execute(&world.db)
            .await
            .unwrap();
        let _worker = Worker::start(world, &[]);
        eventually("two retries", async || (tap.heard().len() == 2).then_some(())).await;
        sqlx::raw_sql("ALTER TABLE imports.imports DROP CONSTRAINT never")
            .execute(&world.db)
            .await
            .unwrap();
        for job in jobs {
            final_data(&world.final_event(&job).await, "completed");
        }
        assert_eq!(dead_letters(world).await, [] as [Value; 0]);
    })
    .await;
}

/// What a Dialer's user could do to a running import if work were believed wherever it comes from.
#[tokio::test(flavor = "multi_thread")]
async fn work_that_the_dialer_publishes_is_not_done() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(3)).await;
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&job).await;
        final_data(&event, "completed");
        let exchange = format!("{}imports", world.prefix());
        let to_jobs = entry(b"CC", b'A', &long(&[b"S", &long(b"requested")[..]].concat()));
        for (attempt, key) in [(1, "plans.00"), (2, "rows.00"), (3, "reports")] {
            // Each another message: the same one again would be the same dead letter.
            let forged = json!({
                "version": 1, "import_id": job["import_id"], "tenant_id": tenant.id, "attempt": attempt,
            });
            let publish = async |exchange: &str, properties: &RawProperties| {
                let publisher = RawPublisher::connect().await;
                publisher
                    .publish(
                        exchange,
                        key.as_bytes(),
                        properties,
                        forged.to_string().as_bytes(),
                    )
                    .await
            };
            let none = RawProperties::default();
            publish(&exchange, &none).await.unwrap_err();
            // A broker that was given with one user for all has other rights.
            if variable("AMQP_URL") != variable("DIALER_AMQP_URL") {
                publish(&format!("{exchange}.work"), &none).await.unwrap_err();
            }
            publish(&exchange, &RawProperties::headers(&to_jobs))
                .await
                .unwrap();
        }
        let letters = eventually("three dead letters", async || {
            Some(dead_letters(world).await).filter(|letters| letters.len() == 3)
        })
        .await;
        assert!(
            letters.iter().all(|letter| letter["origin"] == "requested"),
            "{letters:?}"
        );
        // They are refused because they are not jobs, and the import is unchanged.
        let events = world.events(&job);
        let (before, after) = events.split_at(events.iter().position(|e| *e == event).unwrap() + 1);
        assert!(!after.is_empty());
        assert!(
            before
                .iter()
                .all(|event| event["type"] != "dialer.import.refused")
        );
        assert!(
            after.iter().all(|event| event["type"] == "dialer.import.refused"),
            "{after:?}"
        );
        world.json_of(&["dead", "discard", "--all", "--yes"], 0).await;
    })
    .await;
}
