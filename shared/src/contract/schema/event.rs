//! The schema of events: one whole schema for each kind, so that the type of `data` follows from `type`.

use schemars::Schema;
use serde_json::{Map, Value, json};

use super::{example, finished, of};
use crate::contract::event::Event;

/// How events may change within a version.
const RULES: &str = "Within version 1 events may say more: new kinds of events, new fields, and new values of Code, \
    RejectionCode, Field, Delimiter, Encoding, and of every reason. Readers ignore kinds and fields that they do not \
    know, treat a code that they do not know like one that has only a sentence, and must not refuse an event for what \
    is new in it. What exists keeps its meaning; Mode stays as it is. Another version would have other types \
    (dialer.import.v2.…) and be published alongside this one, and the end of this one would be announced in \
    CHANGELOG.md at least a year before.";

/// Examples by the kind of the event.
const EXAMPLES: [(&str, &[&str]); 9] = [
    (
        "completed",
        &[include_str!("../../../schemas/examples/event-completed.json")],
    ),
    (
        "rejected",
        &[include_str!("../../../schemas/examples/event-rejected.json")],
    ),
    (
        "failed",
        &[include_str!("../../../schemas/examples/event-failed.json")],
    ),
    (
        "cancelled",
        &[
            include_str!("../../../schemas/examples/event-cancelled.json"),
            include_str!("../../../schemas/examples/event-cancelled-early.json"),
        ],
    ),
    (
        "progress",
        &[include_str!("../../../schemas/examples/event-progress.json")],
    ),
    (
        "received",
        &[include_str!("../../../schemas/examples/event-received.json")],
    ),
    (
        "planned",
        &[include_str!("../../../schemas/examples/event-planned.json")],
    ),
    (
        "delayed",
        &[include_str!("../../../schemas/examples/event-delayed.json")],
    ),
    (
        "refused",
        &[include_str!("../../../schemas/examples/event-refused.json")],
    ),
];

pub(crate) fn schema() -> Schema {
    let mut schema = of::<Event>("event");
    let mut take = |keyword| schema.remove(keyword).unwrap_or_default();
    let envelope = [take("properties"), take("required"), take("oneOf")];
    schema.remove("type");
    let [properties, required, Value::Array(kinds)] = envelope else {
        return finished(schema);
    };
    let mut references = Vec::new();
    let mut definitions = Map::new();
    for kind in &kinds {
        let part = |pointer| kind.pointer(pointer).cloned().unwrap_or_default();
        let event_type = part("/properties/type/const");
        let kind_name = event_type.as_str().and_then(|name| name.rsplit('.').next());
        let kind_name = kind_name.unwrap_or_default();
        let name = format!("{}Event", capitalised(kind_name));
        references.push(json!({ "$ref": format!("#/$defs/{name}") }));
        let all_required = [list(&required), list(&part("/required"))].concat();
        let definition = json!({
            "title": name,
            "description": part("/description"),
            "type": "object",
            "properties": merged(&properties, &part("/properties")),
            "required": all_required,
            "examples": examples(kind_name),
        });
        definitions.insert(name, definition);
    }
    if let Some(Value::Object(others)) = schema.get_mut("$defs") {
        others.extend(definitions);
    }
    schema.insert("$comment".into(), json!(RULES));
    schema.insert("oneOf".into(), json!(references));
    finished(schema)
}

fn examples(kind: &str) -> Vec<Value> {
    let of_kind = EXAMPLES.iter().filter(|(of, _)| *of == kind);
    of_kind
        .flat_map(|(_, texts)| *texts)
        .map(|text| example(text))
        .collect()
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn merged(one: &Value, other: &Value) -> Map<String, Value> {
    let maps = [one, other].into_iter().filter_map(Value::as_object);
    maps.flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
