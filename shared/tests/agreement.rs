//! The published schema and the worker agree exactly on what a job is: the worker accepts whatever the schema allows,
//! and refuses whatever it forbids, with place and cause.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::{prelude::*, test_runner::TestRng};
use serde_json::{Map, Value, json};
use shared::contract::job::{self, InvalidJob};

/// As another program reads it.
static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../schemas/job.json")).unwrap());

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&SCHEMA).unwrap()
});

fn one_of<'v, T>(values: &'v [T], rng: &mut TestRng) -> &'v T {
    &values[usize::try_from(rng.next_u32()).unwrap() % values.len()]
}

fn heads(rng: &mut TestRng) -> bool {
    rng.next_u32().is_multiple_of(2)
}

/// A value that the schema allows.
fn generate(schema: &Value, rng: &mut TestRng) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return generate(SCHEMA.pointer(reference.trim_start_matches('#')).unwrap(), rng);
    }
    if let Some(forms) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return generate(one_of(forms, rng), rng);
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" => object(schema, rng),
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            let count = least + u64::from(rng.next_u32() % 3);
            (0..count).map(|_| generate(&schema["items"], rng)).collect()
        }
        "integer" => integer(schema, rng),
        "boolean" => heads(rng).into(),
        "null" => Value::Null,
        "string" => text(schema, rng),
        other => panic!("{other}"),
    }
}

fn object(schema: &Value, rng: &mut TestRng) -> Value {
    let mut object = Map::new();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&json!(name)) || heads(rng) {
            // A schema cannot say which encodings exist; these do.
            let value = match name.as_str() {
                "encoding" => (*one_of(&["utf-8", "Latin1", "SJIS"], rng)).into(),
                _ => generate(property, rng),
            };
            object.insert(name.clone(), value);
        }
    }
    if schema["additionalProperties"].is_object() {
        for n in 0..rng.next_u32() % 3 {
            // Nor that names must be different and not blank.
            let name = format!("{n}{}", text(&schema["propertyNames"], rng).as_str().unwrap());
            let name: String = name.chars().take(1000).collect();
            object.insert(name, generate(&schema["additionalProperties"], rng));
        }
    }
    object.into()
}

fn integer(schema: &Value, rng: &mut TestRng) -> Value {
    let (minimum, maximum) = (&schema["minimum"], &schema["maximum"]);
    let small = minimum.as_u64().unwrap() + u64::from(rng.next_u32() % 100);
    match rng.next_u32() % 4 {
        0 => minimum.clone(),
        1 => maximum.clone(),
        2 => json!(small),
        // JSON Schema: a number without a fraction is an integer, however it is written.
        _ => json!(f64::from(u32::try_from(small).unwrap())),
    }
}

fn text(schema: &Value, rng: &mut TestRng) -> Value {
    if schema["format"] == "uuid" {
        let id = format!("{:08x}-8d3b-7c51-9a34-2F1d7c0a4e11", rng.next_u32());
        return id.into();
    }
    let least = usize::try_from(schema["minLength"].as_u64().unwrap_or(0)).unwrap();
    let most = usize::try_from(schema["maxLength"].as_u64().unwrap_or(2000)).unwrap();
    let length = *one_of(&[least, least + 1, least + 7, most - 1, most], rng);
    let letters = [
        'a',
        'Z',
        '0',
        ' ',
        'ü',
        '\u{1F600}',
        '\n',
        '\u{1}',
        '/',
        '"',
        '\u{202E}',
    ];
    let text: String = (0..length).map(|_| *one_of(&letters, rng)).collect();
    text.into()
}

/// Changes one place of the value to something odd.
fn mutate(value: &mut Value, rng: &mut TestRng) {
    let mut places = Vec::new();
    collect(value, String::new(), &mut places);
    let place = one_of(&places, rng).clone();
    let target = value.pointer_mut(&place).unwrap();
    let odd = [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_807_i64),
        json!(""),
        json!("a\u{0}b"),
        json!("15002"),
        json!("x".repeat(1025)),
        json!("urn:uuid:018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11"),
        json!("018f6c2e8d3b7c519a342f1d7c0a4e11"),
        json!("{018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11}"),
        json!([]),
        json!({}),
        json!({ "ignore": true }),
        json!({ "ignore": false }),
        json!({ "column": "a", "value": 1 }),
        json!({ "kind": "webrtc" }),
    ];
    match (rng.next_u32() % 4, &mut *target) {
        (0, Value::Object(object)) => {
            object.insert(
                (*one_of(&["column", "values", "generate", "kind", "x"], rng)).into(),
                json!(1),
            );
        }
        (1, Value::Object(object)) => {
            let key = object.keys().next().cloned();
            key.and_then(|key| object.remove(&key));
        }
        // Serde takes the fields of a struct by their positions too.
        (2, Value::Object(object)) => *target = object.values().cloned().collect(),
        (3, other) => *other = json!([other.clone()]),
        (_, other) => *other = one_of(&odd, rng).clone(),
    }
}

fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(value, format!("{place}/{key}"), places);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
    places.push(place);
}

/// Whether a refusal is one that the schema states in prose only.
fn is_beyond_schema(invalid: &InvalidJob) -> bool {
    let text = invalid.to_string();
    [
        "/source/encoding is not valid",
        "occurs twice",
        "twice, apart from",
        "nothing but blanks",
    ]
    .iter()
    .any(|rule| text.contains(rule))
}

#[track_caller]
fn agree(value: &Value) {
    let body = value.to_string();
    let allowed = VALIDATOR.is_valid(value);
    match job::parse(body.as_bytes()) {
        Ok(_) => assert!(allowed, "the schema forbids what is accepted: {body}"),
        Err(invalid) if allowed => {
            let too_large = matches!(invalid, InvalidJob::TooLarge { .. });
            assert!(too_large || is_beyond_schema(&invalid), "{invalid}: {body}");
        }
        Err(invalid) => {
            // A sentence that says something, and a place that is there or missing.
            assert!(
                !invalid.to_string().contains("not valid under any"),
                "{invalid}: {body}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_the_schema_allows_is_taken(job in Just(()).prop_perturb(|(), mut rng| generate(&SCHEMA, &mut rng))) {
        prop_assert!(VALIDATOR.is_valid(&job), "{job}");
        agree(&job);
    }

    #[test]
    fn what_is_changed_somewhere_is_taken_or_refused_by_both(
        job in Just(()).prop_perturb(|(), mut rng| {
            let mut job = generate(&SCHEMA, &mut rng);
            for _ in 0..=rng.next_u32() % 2 {
                mutate(&mut job, &mut rng);
            }
            job
        })
    ) {
        agree(&job);
    }
}

/// A job, with this at a place.
fn with(place: &str, value: Value) -> String {
    let mut job: Value = serde_json::from_str(include_str!("../schemas/examples/job.json")).unwrap();
    let (parent, key) = place.rsplit_once('/').unwrap();
    job.pointer_mut(parent).unwrap()[key] = value;
    job.to_string()
}

#[test]
fn a_refusal_names_the_place_and_the_cause() {
    let cases = [
        (
            with("/tenant_id", json!("15002")),
            "/tenant_id must be an integer, not a number in quotes",
        ),
        (
            with("/tenant_id", json!(0)),
            "/tenant_id must be at least 1, not 0",
        ),
        (
            with("/version", json!(2)),
            "/version is 2, which is not known: only 1 is",
        ),
        (with("/usrname", json!({})), "/usrname is not known here"),
        (
            with("/import_id", json!("users")),
            "/import_id must be a UUID of 36 characters",
        ),
        (
            with("/import_id", json!("018f6c2e8d3b7c519a342f1d7c0a4e11")),
            "/import_id must be a UUID",
        ),
        (
            with("/mode", json!("delete")),
            "/mode must be one of \"import\", \"validate\", not \"delete\"",
        ),
        (
            with("/sip", json!({ "kind": "phone" })),
            "/sip/kind must be one of \"webrtc\"",
        ),
        (
            with("/sip", json!({ "kind": "classic_pbx" })),
            "/sip/pbx_domain_id is missing",
        ),
        (
            with("/sip", json!({ "kind": "webrtc", "pbx_domain_id": 5 })),
            "/sip/pbx_domain_id is not known here",
        ),
        (with("/source", json!({})), "/source/key is missing"),
        (
            with("/source", json!(["tenants/42/x.csv"])),
            "/source must be an object, not a list",
        ),
        (
            with("/source/encoding", json!("klingon")),
            "/source/encoding is not valid: \"klingon\"",
        ),
        (
            with("/source/key", json!("a\u{0}b")),
            "/source/key must not hold a NUL character",
        ),
        (
            with("/fields/email", json!("E-mail")),
            "/fields/email must be an object, not a text",
        ),
        (
            with("/fields/email", json!({ "ignore": false })),
            "/fields/email/ignore must be true, not false",
        ),
        (
            with("/fields/email", json!({ "column": "" })),
            "/fields/email/column must have at least 1 characters",
        ),
        (
            with("/fields/role", json!({ "value": "7" })),
            "/fields/role/value must be an integer",
        ),
        (
            with("/fields/tags", json!({ "values": [1, -1] })),
            "/fields/tags/values/1 must be at least 1",
        ),
        (
            with(
                "/fields/role",
                json!({ "column": "R", "names": { "A": [1], " a": [1] } }),
            ),
            "/fields/role/names has the name \"A\" twice",
        ),
        (
            with("/security", json!({ "max_session_minutes": 1.5 })),
            "/security/max_session_minutes must be an integer",
        ),
        ("[]".to_owned(), "the message must be an object, not a list"),
        ("{".to_owned(), "not JSON: EOF"),
        (
            r#"{"version": 1, "version": 1}"#.to_owned(),
            "not JSON: the key \"version\" occurs twice",
        ),
    ];
    for (body, expected) in cases {
        let refused = job::parse(body.as_bytes()).unwrap_err();
        assert!(
            refused.to_string().starts_with(expected),
            "{refused}, not {expected}: {body}"
        );
        if let Some(path) = refused.path() {
            assert!(expected.starts_with(path), "{path}");
        }
    }
}

#[test]
fn a_byte_order_mark_and_integers_with_a_point_do_not_matter() {
    let plain = with("/tenant_id", json!(42));
    let job = job::parse(plain.as_bytes()).unwrap();
    for same in [
        format!("\u{FEFF}{plain}"),
        with("/tenant_id", json!(42.0)),
        plain.replace("1834", "1.834e3"),
    ] {
        assert_eq!(job::parse(same.as_bytes()).unwrap(), job, "{same}");
    }
}

#[test]
fn two_jobs_are_the_same_if_they_mean_the_same() {
    let read = |place: &str, value: Value| job::parse(with(place, value).as_bytes()).unwrap();
    let job = read("/mode", json!("import"));
    for (place, value) in [
        ("/requested_by", json!("somebody else")),
        ("/requested_by", Value::Null),
        ("/source/etag", json!("\"9b2cf535f27731c974343645a3985328\"")),
        ("/source/etag", json!("W/\"9b2cf535f27731c974343645a3985328\"")),
        ("/import_id", json!("018F6C2E-8D3B-7C51-9A34-2F1D7C0A4E11")),
    ] {
        assert!(job.is_same_as(&read(place, value.clone())), "{place} {value}");
    }
    for (place, value) in [
        ("/mode", json!("validate")),
        ("/source/etag", json!("other")),
        ("/source/size_bytes", json!(1)),
        ("/fields/desks", json!({ "ignore": true })),
    ] {
        assert!(!job.is_same_as(&read(place, value.clone())), "{place} {value}");
    }
}

#[test]
fn an_etag_is_the_same_however_it_is_quoted() {
    let spellings = [
        "9b2c",
        "\"9b2c\"",
        "W/\"9b2c\"",
        "w/\"9b2c\"",
        "'9b2c'",
        " \"9b2c\" ",
        "&quot;9b2c&quot;",
    ];
    for etag in spellings {
        assert_eq!(job::normalized_etag(etag), "9b2c", "{etag}");
    }
    assert_eq!(job::normalized_etag("\"9b2c-2\""), "9b2c-2");
}
