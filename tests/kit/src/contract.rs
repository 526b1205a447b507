//! The published contract: the JSON Schemas and the AsyncAPI document, as another program finds them.

use std::{path::PathBuf, sync::LazyLock};

use jsonschema::Validator;
use lapin::message::Delivery;
use serde_json::Value;

/// Events are validated by the schema that the Dialer validates them by.
static EVENT: LazyLock<Validator> = LazyLock::new(|| validator(&schema("event.json")));

/// Where the published files are.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/schemas"))
}

/// A published JSON Schema.
pub fn schema(name: &str) -> Value {
    let text = std::fs::read(folder().join(name)).expect("the schema");
    serde_json::from_slice(&text).expect("a schema is JSON")
}

/// A validator that checks formats too.
pub fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("a valid schema")
}

/// All that is wrong with a value.
pub fn breaches(validator: &Validator, value: &Value) -> Vec<String> {
    validator
        .iter_errors(value)
        .map(|error| error.to_string())
        .collect()
}

/// An event that is what the contract promises, or what is wrong with it.
pub(crate) fn check_event(delivery: &Delivery) -> Result<Value, String> {
    let event: Value = serde_json::from_slice(&delivery.data).map_err(|error| error.to_string())?;
    let mut wrong = breaches(&EVENT, &event);
    let properties = &delivery.properties;
    let text = |value: &Option<lapin::types::ShortString>| {
        value.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    for (what, found, expected) in [
        (
            "type",
            event["type"].as_str().unwrap_or_default().to_owned(),
            format!("dialer.{}", delivery.routing_key),
        ),
        (
            "content type",
            text(properties.content_type()),
            "application/cloudevents+json".to_owned(),
        ),
        (
            "message ID",
            text(properties.message_id()),
            event["id"].as_str().unwrap_or_default().to_owned(),
        ),
        (
            "import ID",
            event["data"]["import_id"].as_str().unwrap_or_default().to_owned(),
            event["subject"].as_str().unwrap_or_default().to_owned(),
        ),
    ] {
        if found != expected {
            wrong.push(format!("the {what} is {found:?} instead of {expected:?}"));
        }
    }
    if wrong.is_empty() {
        Ok(event)
    } else {
        Err(format!("{}: {event}", wrong.join("; ")))
    }
}
