//! Whoever may publish jobs may publish any bytes. No message ends a worker or keeps it from the next import, and each ends
//! as a dead letter that operators see and can throw away, unless the broker itself refuses it.

use kit::{
    Tenant, Worker, World, eventually, final_data, good_rows, in_world,
    raw_amqp::{FRAME_MAX, RawProperties, RawPublisher, entry, long, short},
    variable,
};
use serde_json::{Value, json};

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Workers set it aside.
    DeadLetter,
    /// The broker does not take it, so that no worker meets it.
    Refused,
    /// The broker may refuse it or not: that depends on its version and configuration.
    Either,
}
use Fate::{DeadLetter, Either, Refused};

struct Case {
    name: &'static str,
    fate: Fate,
    properties: RawProperties,
    routing_key: Vec<u8>,
    body: Vec<u8>,
}

/// A message that is no job, which these properties are put on.
fn case(name: &'static str, fate: Fate, properties: RawProperties) -> Case {
    Case {
        name,
        fate,
        properties,
        routing_key: b"requested".to_vec(),
        body: name.as_bytes().to_vec(),
    }
}

fn headers(name: &'static str, fate: Fate, entries: &[u8]) -> Case {
    case(name, fate, RawProperties::headers(entries))
}

/// A table that holds a table, and so on.
fn nested_tables(levels: usize) -> Vec<u8> {
    (0..levels).fold(entry(b"a", b'V', b""), |inner, _| {
        entry(b"a", b'F', &long(&inner))
    })
}

fn nested_arrays(levels: usize) -> Vec<u8> {
    let innermost = b"V".to_vec();
    let array = (0..levels).fold(innermost, |inner, _| [b"A", &long(&inner)[..]].concat());
    [short(b"a"), array].concat()
}

/// How many levels of so many bytes fit into a frame of headers.
const fn levels(bytes_each: usize) -> usize {
    (FRAME_MAX - 64) / bytes_each
}

/// A header that makes the frame of all headers this long.
fn filling(frame: usize) -> Vec<u8> {
    // Frame 8, class, weight, body size and flags 14, length of the table 4, entry 2 + 1 + 4.
    entry(b"a", b'x', &long(&vec![0; frame - 33]))
}

async fn import_completes(world: &World, tenant: Tenant) {
    let job = world.submit(tenant, good_rows(1)).await;
    final_data(&world.final_event(&job).await, "completed");
}

async fn dead_letters(world: &World) -> Vec<Value> {
    world.json_of(&["dead", "list"], 0).await["dead_letters"]
        .as_array()
        .unwrap()
        .clone()
}

async fn hold(cases: Vec<Case>) {
    in_world(async |world| {
        let worker = Worker::start(world, &[]);
        let exchange = format!("{}imports", world.prefix());
        for case in cases {
            let name = case.name;
            let publisher = RawPublisher::connect().await;
            let published = publisher
                .publish(&exchange, &case.routing_key, &case.properties, &case.body)
                .await;
            match (case.fate, &published) {
                (Refused, Err(_)) | (DeadLetter, Ok(())) | (Either, _) => {}
                (fate, other) => panic!("{name}: {fate:?}, but {other:?}"),
            }
            // Another tenant does not notice, while the message is there and afterwards.
            import_completes(world, world.tenant().await).await;
            if published.is_err() {
                continue;
            }
            let letter = eventually(name, async || dead_letters(world).await.pop()).await;
            assert_eq!(letter["reason"], "malformed", "{name}: {letter}");
            assert_eq!(letter["origin"], "requested", "{name}: {letter}");
            let id = &letter["dead_letter_id"].to_string();
            let shown = world.json_of(&["dead", "show", id], 0).await;
            assert_eq!(shown["size_bytes"], case.body.len(), "{name}");
            world.json_of(&["dead", "discard", id, "--yes"], 0).await;
            assert_eq!(dead_letters(world).await, [] as [Value; 0], "{name}");
        }
        assert!(
            !world.logged().contains("reconnecting"),
            "a link broke:\n{}",
            world.logged()
        );
        assert!(
            worker.terminate().await.success(),
            "it was the same worker all the time"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_nested_deep_are_a_dead_letter() {
    hold(vec![
        headers("159 tables", DeadLetter, &nested_tables(159)),
        headers("4,000 tables", DeadLetter, &nested_tables(4_000)),
        headers(
            "tables to the end of the frame",
            DeadLetter,
            &nested_tables(levels(7)),
        ),
        headers("159 arrays", DeadLetter, &nested_arrays(159)),
        headers(
            "arrays to the end of the frame",
            DeadLetter,
            &nested_arrays(levels(5)),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_fill_a_frame_are_a_dead_letter() {
    // Five bytes each.
    let names = (0..26_000_u32).flat_map(|n| entry(&n.to_be_bytes()[1..], b'V', b""));
    let names: Vec<u8> = names.collect();
    hold(vec![
        headers("one long value", DeadLetter, &filling(FRAME_MAX - 64)),
        headers("a frame to its last byte", DeadLetter, &filling(FRAME_MAX)),
        // RabbitMQ allows for clients that forget the eight bytes around a payload.
        headers("eight bytes more", Either, &filling(FRAME_MAX + 8)),
        headers("nine bytes more", Refused, &filling(FRAME_MAX + 9)),
        headers("26,000 names", DeadLetter, &names),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_not_utf_8_are_a_dead_letter() {
    let bad = [0xff_u8, 0xfe, 0xc0, 0x80];
    let longest = [0xff_u8; 255];
    // Content type and encoding, correlation ID, reply-to, message ID, type, application, cluster.
    let properties = [0, 1, 5, 6, 8, 10, 12, 13];
    let mut cases: Vec<Case> = properties
        .into_iter()
        .flat_map(|property| [(property, &bad[..]), (property, &longest[..])])
        .map(|(property, text)| {
            case(
                "a property",
                DeadLetter,
                RawProperties::one(property, short(text)),
            )
        })
        .collect();
    cases.push(case("an expiration", Refused, RawProperties::one(7, short(&bad))));
    cases.push(case("a user", Refused, RawProperties::one(11, short(&bad))));
    cases.push(headers("a name", DeadLetter, &entry(&longest, b'V', b"")));
    cases.push(headers("a value", DeadLetter, &entry(b"a", b'S', &long(&bad))));
    // The header CC leads a message with any routing key to a queue.
    let to_jobs = entry(b"CC", b'A', &long(&[b"S", &long(b"requested")[..]].concat()));
    for key in [&bad[..], &longest, b"", b"reports", b"plans.00", b"rows.00"] {
        cases.push(Case {
            routing_key: key.to_vec(),
            ..headers("a routing key", DeadLetter, &to_jobs)
        });
    }
    hold(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_every_type_are_a_dead_letter_or_refused() {
    let value = [0_u8; 16];
    let known = [
        (b't', 1),
        (b'b', 1),
        (b'B', 1),
        (b's', 2),
        (b'u', 2),
        (b'I', 4),
        (b'i', 4),
        (b'l', 8),
        (b'L', 8),
        (b'f', 4),
        (b'd', 8),
        (b'D', 5),
        (b'T', 8),
        (b'S', 4),
        (b'x', 4),
        (b'A', 4),
        (b'F', 4),
        (b'V', 0),
    ];
    let all: Vec<u8> = known
        .iter()
        .flat_map(|(kind, size)| entry(&[*kind], *kind, &value[..*size]))
        .collect();
    let mut cases = vec![
        headers("every type at once", DeadLetter, &all),
        headers("names that come twice", DeadLetter, &[all.clone(), all].concat()),
        headers("a truth of seven", DeadLetter, &entry(b"a", b't', &[7])),
        headers("no number", Refused, &entry(b"a", b'd', &f64::NAN.to_be_bytes())),
        headers(
            "a length beyond the table",
            Refused,
            &entry(b"a", b'S', &1000_u32.to_be_bytes()),
        ),
        headers(
            "a table beyond its table",
            Refused,
            &entry(b"a", b'F', &1000_u32.to_be_bytes()),
        ),
        headers("half an entry", Refused, &[5, b'a']),
        case(
            "a table beyond the frame",
            Refused,
            RawProperties::one(2, 1000_u32.to_be_bytes().to_vec()),
        ),
        case(
            "a short string beyond the frame",
            Refused,
            RawProperties::one(8, vec![200, b'a']),
        ),
        case(
            "properties that are not there",
            Refused,
            RawProperties {
                flags: 0xfffc,
                bytes: vec![],
            },
        ),
        case(
            "more than was announced",
            Refused,
            RawProperties {
                flags: 0,
                bytes: vec![0; 9],
            },
        ),
        case(
            "reserved flags",
            Either,
            RawProperties {
                flags: 3,
                bytes: vec![],
            },
        ),
        case("delivery mode 7", Either, RawProperties::one(3, vec![7])),
        case("priority 255", DeadLetter, RawProperties::one(4, vec![255])),
        case("the end of time", DeadLetter, RawProperties::one(9, vec![255; 8])),
    ];
    for unknown in [b'U', b'z', b'_', 0, 255] {
        cases.push(headers("an unknown type", Refused, &entry(b"a", unknown, &value)));
    }
    hold(cases).await;
}

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
            "deaths that are none",
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

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_size_and_kind_are_a_dead_letter() {
    let plain = |name, fate, body: Vec<u8>| Case {
        body,
        ..case(name, fate, RawProperties::default())
    };
    let mut cases = vec![
        plain("nothing", DeadLetter, vec![]),
        plain("a byte that is not UTF-8", DeadLetter, vec![0xff]),
        plain("JSON nested deep", DeadLetter, vec![b'['; 200_000]),
        plain("1 MiB", Either, vec![b' '; 1 << 20]),
        // The broker's own limit is 16 MiB since RabbitMQ 4, before it was 128.
        plain("128 MiB", Either, vec![b'{'; 128 << 20]),
    ];
    for text in [
        "application/json",
        "text/csv",
        "application/x-msgpack",
        "APPLICATION/JSON; charset=utf-16",
        "",
    ] {
        cases.push(case(
            "a content type",
            DeadLetter,
            RawProperties::one(0, short(text.as_bytes())),
        ));
    }
    for text in ["gzip", "utf-16", "identity", "base64", ""] {
        cases.push(case(
            "an encoding",
            DeadLetter,
            RawProperties::one(1, short(text.as_bytes())),
        ));
    }
    hold(cases).await;
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
        assert_eq!(world.events(&job).last(), Some(&event));
        world.json_of(&["dead", "discard", "--all", "--yes"], 0).await;
    })
    .await;
}
