//! The wire format. Whoever changes a type in a way that other programs see must change a file here too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared::{
    contract::{
        cancel::Cancel,
        event::Event,
        job::{self, Job},
        message::{PlanDue, ReportDue, RowsDue},
    },
    published,
};

fn validator(name: &str) -> jsonschema::Validator {
    let (_, schema) = published::all()
        .into_iter()
        .find(|(other, _)| *other == name)
        .unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(schema.as_value())
        .unwrap()
}

/// Reads a golden sample, validates it against its schema, and checks that it is written as it was read.
#[track_caller]
fn holds<T: DeserializeOwned + Serialize>(sample: &str, schema: &str) {
    let golden: Value = serde_json::from_str(sample).unwrap();
    let validator = validator(schema);
    if let Err(error) = validator.validate(&golden) {
        panic!("{error}: {golden:#}");
    }
    let message: T = serde_json::from_value(golden.clone()).unwrap();
    assert_eq!(serde_json::to_value(&message).unwrap(), golden);
}

#[test]
fn messages_look_as_they_always_did() {
    holds::<Job>(include_str!("../schemas/examples/job.json"), "job.json");
    holds::<Job>(include_str!("../schemas/examples/job-names.json"), "job.json");
    holds::<Job>(include_str!("../schemas/examples/job-ignore.json"), "job.json");
    holds::<Cancel>(include_str!("../schemas/examples/cancel.json"), "cancel.json");
    holds::<PlanDue>(include_str!("../schemas/examples/plan-due.json"), "plan-due.json");
    holds::<RowsDue>(include_str!("../schemas/examples/rows-due.json"), "rows-due.json");
    holds::<ReportDue>(
        include_str!("../schemas/examples/report-due.json"),
        "report-due.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-completed.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-rejected.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-failed.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-cancelled.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-cancelled-early.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-progress.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-received.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-planned.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-delayed.json"),
        "event.json",
    );
    holds::<Event>(
        include_str!("../schemas/examples/event-refused.json"),
        "event.json",
    );
}

/// What later releases have added to the data of events.
const ADDED: [&str; 5] = [
    "problem_counts",
    "attempts",
    "message",
    "pending",
    "passwords_expire_at",
];

#[test]
fn events_of_earlier_releases_are_read_and_valid() {
    for sample in [
        include_str!("../schemas/examples/event-completed.json"),
        include_str!("../schemas/examples/event-cancelled.json"),
        include_str!("../schemas/examples/event-failed.json"),
        include_str!("../schemas/examples/event-progress.json"),
    ] {
        let mut event: Value = serde_json::from_str(sample).unwrap();
        for field in ADDED {
            event["data"].as_object_mut().unwrap().remove(field);
        }
        holds::<Event>(&event.to_string(), "event.json");
    }
}

#[test]
fn every_event_has_its_schema_with_examples() {
    let (_, schema) = published::all()
        .into_iter()
        .find(|(name, _)| *name == "event.json")
        .unwrap();
    let schema = schema.to_value();
    for kind in schema["oneOf"].as_array().unwrap() {
        let reference = kind["$ref"].as_str().unwrap();
        let kind = schema.pointer(reference.trim_start_matches('#')).unwrap();
        let examples = kind["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{reference}");
        for example in examples {
            assert_eq!(
                example["type"], kind["properties"]["type"]["const"],
                "{reference}"
            );
        }
    }
}

#[test]
fn the_schemas_use_only_what_every_validator_knows() {
    const FORMATS: [&str; 3] = ["uuid", "date-time", "uri-reference"];
    fn check(value: &Value, place: &str) {
        match value {
            Value::Object(object) => {
                if let Some(format) = object.get("format").and_then(Value::as_str) {
                    assert!(FORMATS.contains(&format), "{place}: {format}");
                }
                if object.get("type") == Some(&json!("integer")) && !object.contains_key("const") {
                    let bounds = ["minimum", "maximum"];
                    assert!(bounds.iter().all(|bound| object[*bound].is_u64()), "{place}");
                }
                assert!(
                    !object.get("type").is_some_and(Value::is_array),
                    "{place}: several types"
                );
                for (key, value) in object.iter().filter(|(key, _)| *key != "examples") {
                    check(value, &format!("{place}/{key}"));
                }
            }
            Value::Array(values) => values.iter().for_each(|value| check(value, place)),
            _ => {}
        }
    }
    for (name, schema) in published::all() {
        let schema = schema.to_value();
        assert!(
            schema["$id"]
                .as_str()
                .unwrap()
                .starts_with("urn:user-import:contract:1:"),
            "{name}"
        );
        check(&schema, name);
    }
}

#[test]
fn the_smallest_job_means_the_documented_defaults() {
    let job = json!({
        "version": 1, "import_id": "018f6c2e-0000-7000-8000-000000000001", "tenant_id": 7,
        "source": { "key": "tenants/7/uploads/users.csv" },
    });
    let read = job::parse(job.to_string().as_bytes()).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    let defaults = json!({
        "mode": "import", "fields": {}, "sip": { "kind": "webrtc" }, "two_factor": "default", "security": {},
        "password": { "digits_only": false },
    });
    for (option, value) in defaults.as_object().unwrap() {
        assert_eq!(&written[option], value);
    }
}

#[test]
fn a_job_that_cannot_be_right_is_refused_by_the_types_and_by_the_schema() {
    let validator = validator("job.json");
    let golden: Value = serde_json::from_str(include_str!("../schemas/examples/job.json")).unwrap();
    let cases = [
        ("/version", json!(2)),
        ("/import_id", json!("users")),
        ("/tenant_id", json!(0)),
        ("/tenant_id", json!(-7)),
        ("/tenant_id", json!("7")),
        ("/mode", json!("delete")),
        ("/source", json!({})),
        ("/source", json!({ "key": "k", "bucket": "b" })),
        ("/source", json!({ "key": "k", "encoding": "" })),
        ("/fields", json!({ "user_name": { "column": "a" } })),
        ("/fields", json!({ "username": "a" })),
        ("/fields", json!({ "username": { "column": "a", "value": "b" } })),
        ("/fields", json!({ "role": { "value": 0 } })),
        ("/fields", json!({ "role": { "value": 1, "column": "a" } })),
        ("/fields", json!({ "role": { "value": 1, "names": {} } })),
        ("/fields", json!({ "desks": { "values": [1], "column": "a" } })),
        (
            "/fields",
            json!({ "tags": { "column": "a", "names": { "x": 1 } } }),
        ),
        ("/fields", json!({ "desks": { "values": [1, -1] } })),
        ("/sip", json!({ "kind": "classic_pbx" })),
        ("/sip", json!({ "kind": "classic_pbx", "pbx_domain_id": 0 })),
        ("/sip", json!({ "kind": "webrtc", "pbx_domain_id": 1 })),
        ("/sip", json!({ "kind": "phone" })),
        ("/two_factor", json!("sms")),
        ("/security", json!({ "max_session_minutes": 0 })),
        ("/security", json!({ "max_concurrent_sessions": 1.5 })),
        ("/password", json!({ "digits": true })),
        ("/priority", json!(1)),
        ("/requested_by", json!("x".repeat(201))),
        ("/source", json!({ "key": "" })),
        ("/source", json!({ "key": "k".repeat(1025) })),
        ("/fields", json!({ "email": { "column": "" } })),
        ("/fields", json!({ "role": { "column": "" } })),
        ("/fields", json!({ "virtual_extension": { "column": "" } })),
        ("/fields", json!({ "tags": { "column": "" } })),
        ("/fields", json!({ "tags": { "values": vec![1; 1001] } })),
    ];
    for (place, value) in cases {
        let mut job = golden.clone();
        job[&place[1..]] = value;
        assert!(
            job::parse(job.to_string().as_bytes()).is_err(),
            "the types accept {place} of {job}"
        );
        assert!(!validator.is_valid(&job), "the schema accepts {place} of {job}");
    }
}

#[test]
fn an_oversized_or_deeply_nested_job_is_refused() {
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(job::MAX_JOB_BYTES));
    assert!(
        job::parse(large.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("bytes")
    );
    assert!(job::parse("[".repeat(10_000).as_bytes()).is_err());
}

#[test]
fn a_job_with_a_nul_character_is_refused() {
    for place in [
        "/requested_by",
        "/source/key",
        "/source/etag",
        "/fields/username/column",
    ] {
        let mut job: Value = serde_json::from_str(include_str!("../schemas/examples/job.json")).unwrap();
        *job.pointer_mut(place).unwrap() = json!("a\u{0}b");
        assert!(
            job::parse(job.to_string().as_bytes())
                .unwrap_err()
                .to_string()
                .contains("NUL"),
            "{place}"
        );
    }
}

#[test]
fn object_keys_stay_under_the_tenants_prefix() {
    let cases = [
        ("tenants/7/uploads/users.csv", true),
        ("tenants/7/ü und ä.csv", true),
        ("tenants/7/...", true),
        ("tenants/7/", false),
        ("tenants/7", false),
        ("tenants/70/users.csv", false),
        ("tenants/8/users.csv", false),
        ("/tenants/7/users.csv", false),
        ("tenants/7/../8/users.csv", false),
        ("tenants/7/./users.csv", false),
        ("tenants/7//users.csv", false),
        ("tenants/7/a\\..\\..\\8\\users.csv", false),
        ("tenants/7/a\u{0}.csv", false),
        ("users.csv", false),
    ];
    let tenant = 7.try_into().unwrap();
    for (key, allowed) in cases {
        let source = job::Source {
            key: key.to_owned(),
            etag: None,
            size_bytes: None,
            encoding: None,
        };
        assert_eq!(source.is_of_tenant(tenant), allowed, "{key:?}");
    }
}

#[test]
fn our_success_reports_are_known_by_their_keys() {
    let import = "imports/018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11";
    for (key, is_report) in [
        (format!("tenants/7/{import}/attempt-1/success.csv"), true),
        (format!("tenants/7/{import}/attempt-12/success.csv"), true),
        (format!("tenants/7/{import}/attempt-1/errors.csv"), false),
        (format!("tenants/7/{import}/success.csv"), false),
        (format!("tenants/8/{import}/attempt-1/success.csv"), false),
        ("tenants/7/imports/users/attempt-1/success.csv".to_owned(), false),
        ("tenants/7/uploads/success.csv".to_owned(), false),
    ] {
        let source = job::Source {
            key,
            etag: None,
            size_bytes: None,
            encoding: None,
        };
        assert_eq!(
            source.is_success_report(7.try_into().unwrap()),
            is_report,
            "{}",
            source.key
        );
    }
}

#[test]
fn names_that_could_not_be_told_apart_make_a_job_invalid() {
    let parse = |names: Value| {
        let mut job: Value = serde_json::from_str(include_str!("../schemas/examples/job.json")).unwrap();
        job["fields"]["role"] = json!({ "column": "Role", "names": names });
        job::parse(job.to_string().as_bytes())
    };
    assert!(parse(json!({ "Agent": [1], "Team Lead": [2, 3] })).is_ok());
    for names in [
        json!({ "Agent": [1], " AGENT": [1] }),
        json!({ " ": [1] }),
        json!({ "a": [] }),
        json!({ "a": [0] }),
    ] {
        assert!(parse(names.clone()).is_err(), "{names}");
    }
}

#[test]
fn an_encoding_is_any_label_of_the_standard() {
    for (label, name) in [
        ("windows-1251", "windows-1251"),
        ("Latin1", "windows-1252"),
        ("SJIS", "shift_jis"),
        ("utf8", "utf-8"),
    ] {
        let mut job: Value = serde_json::from_str(include_str!("../schemas/examples/job.json")).unwrap();
        job["source"]["encoding"] = json!(label);
        let job = job::parse(job.to_string().as_bytes()).unwrap();
        assert_eq!(serde_json::to_value(&job).unwrap()["source"]["encoding"], name);
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    for (name, schema) in published::all() {
        let path = format!("{}/schemas/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{name} is out of date: run UPDATE_SCHEMAS=1 cargo test -p shared --test contract"
        );
    }
}
