//! The AsyncAPI document says of every real message where it goes and what it looks like.

use std::collections::BTreeSet;

use kit::{Heard, Worker, World, contract, final_data, good_rows, in_world};
use lapin::types::AMQPValue;
use serde_json::{Map, Value, json};
use worker::broker::{DEFAULT_SHARDS, Topology};

fn document() -> Value {
    let text = std::fs::read_to_string(contract::folder().join("asyncapi.yaml")).unwrap();
    yaml_serde::from_str(&text).unwrap()
}

/// What a `$ref` of the document points to; anything else stays as it is.
fn resolve(document: &Value, value: &Value) -> Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return value.clone();
    };
    match reference.strip_prefix('#') {
        Some(pointer) => document
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{reference} points nowhere"))
            .clone(),
        None => contract::schema(reference.trim_start_matches("./")),
    }
}

/// The value with every reference in it replaced, except those inside the JSON Schemas.
fn whole(document: &Value, value: &Value) -> Value {
    let external = value
        .get("$ref")
        .and_then(Value::as_str)
        .is_some_and(|reference| !reference.starts_with('#'));
    match resolve(document, value) {
        schema if external => schema,
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), whole(document, value)))
            .collect(),
        Value::Array(values) => values.iter().map(|value| whole(document, value)).collect(),
        other => other,
    }
}

/// The schema of a payload, whose format may be named beside it.
fn schema_of(payload: &Value) -> &Value {
    payload.get("schema").unwrap_or(payload)
}

/// All names that a name with a parameter stands for.
fn expand(document: &Value, name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (parameter, after) = rest.split_once('}').unwrap();
    let values = document["components"]["parameters"][parameter]["enum"]
        .as_array()
        .unwrap();
    values
        .iter()
        .map(|value| format!("{before}{}{after}", value.as_str().unwrap()))
        .collect()
}

fn names(document: &Value, kind: &str) -> BTreeSet<String> {
    let channels = document["channels"].as_object().unwrap().values();
    channels
        .filter_map(|channel| channel["bindings"]["amqp"][kind]["name"].as_str())
        .flat_map(|name| expand(document, name))
        .collect()
}

#[test]
fn every_part_of_the_document_is_there() {
    let document = document();
    assert_eq!(document["asyncapi"], "3.1.0");
    let whole = whole(&document, &document);
    for (name, channel) in whole["channels"].as_object().unwrap() {
        let binding = &channel["bindings"]["amqp"];
        let kind = if binding["is"] == "queue" {
            "queue"
        } else {
            "exchange"
        };
        assert!(binding[kind]["name"].is_string(), "{name}");
        assert!(!channel["messages"].as_object().unwrap().is_empty(), "{name}");
        // A channel has just the parameters of its address.
        let address = channel["address"].as_str().unwrap();
        let parameters: BTreeSet<&str> = channel["parameters"]
            .as_object()
            .into_iter()
            .flat_map(|parameters| parameters.keys().map(String::as_str))
            .collect();
        let in_address: BTreeSet<&str> = address
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
            .collect();
        assert_eq!(parameters, in_address, "{name}");
    }
    for (name, operation) in document["operations"].as_object().unwrap() {
        assert!(
            ["send", "receive"].contains(&operation["action"].as_str().unwrap()),
            "{name}"
        );
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        assert!(channel.starts_with("#/channels/"), "{name}");
    }
    for message in whole["components"]["messages"].as_object().unwrap().values() {
        for part in ["payload", "headers"] {
            if !message[part].is_null() {
                contract::validator(schema_of(&message[part]));
            }
        }
    }
    let kinds = &document["channels"]["events"]["parameters"]["kind"]["enum"];
    let types: BTreeSet<String> = kinds
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| format!("dialer.import.{}", kind.as_str().unwrap()))
        .collect();
    let schema = contract::schema("event.json");
    let described: BTreeSet<String> = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|kind| kind["properties"]["type"]["const"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(described, types);
}

#[test]
fn the_exchanges_and_queues_are_those_that_are_declared() {
    let document = document();
    let (exchanges, queues) = Topology::new(String::new(), DEFAULT_SHARDS).names();
    let all = |names: Vec<lapin::types::ShortString>| -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&document, "exchange"), all(exchanges));
    assert_eq!(names(&document, "queue"), all(queues));
}

/// The message of the document that describes this one, by its exchange, its routing key and its kind.
fn described(document: &Value, heard: &Heard) -> Value {
    let kind = heard
        .properties
        .kind()
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let channel = document["channels"]
        .as_object()
        .unwrap()
        .values()
        .find(|channel| {
            let exchange = channel["bindings"]["amqp"]["exchange"]["name"].as_str();
            exchange.is_some_and(|name| expand(document, name).contains(&heard.exchange))
                && matches_address(channel, &heard.routing_key)
        })
        .unwrap_or_else(|| panic!("no channel for {heard:?}"));
    let messages = channel["messages"].as_object().unwrap();
    let message = messages
        .get(&kind)
        .unwrap_or_else(|| panic!("no message for {heard:?}"));
    let message = whole(document, message);
    if let Some(expected) = message["bindings"]["amqp"]["messageType"].as_str() {
        assert_eq!(kind, expected);
    }
    message
}

fn matches_address(channel: &Value, routing_key: &str) -> bool {
    let address = channel["address"].as_str().unwrap();
    match address.split_once('{') {
        Some((before, _)) => routing_key.starts_with(before),
        None => routing_key == address,
    }
}

/// The headers, except those of the broker, as JSON.
fn headers(heard: &Heard) -> Value {
    let table = heard.properties.headers().clone().unwrap_or_default();
    let ours = table
        .inner()
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with("x-"));
    let json: Map<String, Value> = ours
        .map(|(name, value)| {
            let value = match value {
                AMQPValue::LongString(text) => json!(text.to_string()),
                AMQPValue::LongUInt(number) => json!(number),
                AMQPValue::LongLongInt(number) => json!(number),
                other => panic!("{name}: {other:?} is not described"),
            };
            (name.to_string(), value)
        })
        .collect();
    json.into()
}

fn assert_described(document: &Value, heard: &Heard) {
    let message = described(document, heard);
    if let Some(content_type) = message["contentType"].as_str() {
        assert_eq!(
            heard.properties.content_type().as_ref().unwrap().as_str(),
            content_type
        );
    }
    if !message["payload"].is_null() {
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        let wrong = contract::breaches(&contract::validator(schema_of(&message["payload"])), &body);
        assert!(wrong.is_empty(), "{wrong:?}: {body}");
    }
    let headers = headers(heard);
    if message["headers"].is_null() {
        assert_eq!(headers, json!({}), "{heard:?}");
    } else {
        // No header of ours is left out of the document.
        let known = message["headers"]["properties"].as_object().unwrap();
        assert!(
            headers
                .as_object()
                .unwrap()
                .keys()
                .all(|name| known.contains_key(name)),
            "{headers}"
        );
        let wrong = contract::breaches(&contract::validator(&message["headers"]), &headers);
        assert!(wrong.is_empty(), "{wrong:?}: {headers}");
    }
    assert_eq!(heard.properties.delivery_mode(), &Some(2), "{heard:?}");
}

/// Submits a file as the command line does, and returns the start of a job, to wait by.
async fn submit(world: &World, content: &str) -> Value {
    let tenant = world.tenant().await.id.to_string();
    let file = world.scratch_file("users.csv", content.as_bytes());
    world
        .json_of(&["submit", file.to_str().unwrap(), "--tenant", &tenant], 0)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_what_the_document_says() {
    in_world(async |world| {
        let tap = world.tap_all().await;
        let _worker = Worker::start(world, &[("BATCH_ROWS", "5")]);

        // Jobs, batches, reports, progress and completion.
        let completed = submit(world, &good_rows(40)).await;
        final_data(&world.final_event(&completed).await, "completed");
        let rejected = submit(world, "").await;
        final_data(&world.final_event(&rejected).await, "rejected");

        // The answer to what is set aside.
        let tenant = world.tenant().await;
        let mut malformed = world.upload(tenant, good_rows(1)).await;
        malformed["no_field"] = json!(9);
        world
            .publish_to("requested", malformed.to_string().as_bytes())
            .await;
        final_data(&world.final_event(&malformed).await, "refused");

        // A failed try that is repeated.
        world.execute("ALTER TABLE dialer.tags RENAME TO away").await;
        let again = world.submit(tenant, good_rows(2)).await;
        tap.until("imports.delay.1s").await;
        world.execute("ALTER TABLE dialer.away RENAME TO tags").await;
        final_data(&world.final_event(&again).await, "completed");

        let document = document();
        let heard = tap.heard();
        let mut kinds = BTreeSet::new();
        for message in &heard {
            let kind = message.properties.kind().as_ref().map(ToString::to_string);
            // What the tests publish has no type, as a Dialer's job may have none.
            if let Some(kind) = kind {
                assert_described(&document, message);
                kinds.insert(format!("{} {kind}", message.exchange));
            }
        }
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        assert_eq!(
            kinds,
            [
                "imports job",
                "imports.delay.1s plan-due",
                "imports.events event",
                "imports.work plan-due",
                "imports.work report-due",
                "imports.work rows-due",
            ]
        );
    })
    .await;
}
