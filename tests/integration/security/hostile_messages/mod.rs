//! Whoever may publish jobs may publish any bytes. No message ends a worker or keeps it from the next import, and each
//! ends as a dead letter that operators see and can discard, unless the broker itself refuses it.

mod forged;
mod headers;
mod texts;

use kit::{
    Tenant, Worker, World, eventually, final_data, good_rows, in_world,
    raw_amqp::{RawProperties, RawPublisher},
};
use serde_json::Value;

/// How a message ends.
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

/// A message that is not a job, with these properties.
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
