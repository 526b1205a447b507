//! Rewrites schemas in simpler terms.

use serde_json::{Map, Value, json};

/// The largest integer that every reader of JSON can read exactly: 2^53 - 1.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Formats that only Rust has, and the largest number of each.
const NUMBERS: [(&str, u64); 3] = [
    ("uint32", u32::MAX as u64),
    ("uint64", MAX_EXACT),
    ("uint", MAX_EXACT),
];

/// Keywords that hold values, not schemas.
const VALUES: [&str; 5] = ["examples", "default", "const", "enum", "required"];

/// Writes out the range of numbers instead of naming Rust's types, and alternatives instead of several types.
pub(super) fn tidy(schema: &mut Value) {
    each(schema, &|schema| {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, maximum)) = NUMBERS.iter().find(|(name, _)| *name == format) {
            schema.remove("format");
            schema.entry("maximum").or_insert(json!(maximum));
        }
        let types = schema.get("type").and_then(Value::as_array);
        if types.is_some_and(|types| types.contains(&json!("null"))) {
            or_null(schema);
        }
    });
}

/// Forbids what PostgreSQL cannot store in every free text.
pub(super) fn forbid_nul(schema: &mut Value) {
    each(schema, &|schema| {
        let is_free = ["const", "enum", "format", "pattern"]
            .iter()
            .all(|keyword| !schema.contains_key(*keyword));
        if schema.get("type") == Some(&json!("string")) && is_free {
            schema.insert("pattern".into(), json!(r"^[^\u0000]*$"));
        }
    });
}

/// `{"type": ["string", "null"], …}` becomes an alternative of two schemas with one type each.
fn or_null(schema: &mut Map<String, Value>) {
    let mut outer = Map::new();
    for keyword in ["description", "default", "examples"] {
        outer.extend(schema.remove_entry(keyword));
    }
    let mut inner = std::mem::take(schema);
    if let Some(types) = inner.get("type").and_then(Value::as_array) {
        let real = types.iter().find(|name| **name != "null").cloned();
        inner.insert("type".into(), real.unwrap_or_default());
    }
    outer.insert("anyOf".into(), json!([inner, { "type": "null" }]));
    *schema = outer;
}

/// Visits every schema in a schema.
fn each(schema: &mut Value, visit: &impl Fn(&mut Map<String, Value>)) {
    let Value::Object(schema) = schema else { return };
    for (keyword, value) in schema.iter_mut() {
        match value {
            _ if VALUES.contains(&keyword.as_str()) => {}
            Value::Object(named) if ["properties", "$defs"].contains(&keyword.as_str()) => {
                named.values_mut().for_each(|schema| each(schema, visit));
            }
            Value::Object(_) => each(value, visit),
            Value::Array(schemas) => schemas.iter_mut().for_each(|schema| each(schema, visit)),
            _ => {}
        }
    }
    visit(schema);
}
