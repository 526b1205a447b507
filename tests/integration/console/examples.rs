//! The examples in the description of the API: every request is sent as it is there, except for IDs and the token, and
//! every answer has the fields of its example. `UPDATE_EXAMPLES=1` rewrites the answers.

use std::collections::{BTreeMap, BTreeSet};

use kit::{Console, Worker, eventually, in_world};
use serde_json::{Map, Value, json};

use super::access::{OPERATOR, administrator};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../worker/src/console/api/examples.json"
);

/// What the examples have instead of values that differ each time.
fn constants() -> Map<String, Value> {
    let constants = json!({
        "tenant_id": 1,
        "upload_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e10",
        "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11",
        "user_id": 512,
        "dead_letter_id": 7,
        "audit_id": 12,
        "etag": "0f343b0931126a20f133d67c2b018a3b",
        "database_role": "user_import_console",
        "version": "1.0.0",
    });
    constants.as_object().cloned().unwrap_or_default()
}

/// An operation as the description has it.
struct Operation {
    method: String,
    path: String,
    described: Value,
}

impl Operation {
    fn request(&self) -> Option<(&str, &Value)> {
        let content = self.described["requestBody"]["content"].as_object()?;
        let (kind, media) = content.iter().next()?;
        Some((kind, &media["example"]))
    }

    /// What it answers when all goes well: status, schema and example.
    fn answer(&self) -> (u16, &Value, &Value) {
        let responses = self.described["responses"].as_object().unwrap();
        let (status, response) = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .unwrap_or_else(|| panic!("{:#} says nothing of success", self.described));
        let media = response["content"]
            .as_object()
            .and_then(|content| content.values().next());
        let media = media.unwrap_or(&Value::Null);
        (status.parse().unwrap(), &media["schema"], &media["example"])
    }
}

struct Play<'a> {
    console: &'a Console,
    operations: BTreeMap<String, Operation>,
    /// What the examples' IDs are this time, by their fields.
    ids: Map<String, Value>,
    /// All answers, by operation.
    answers: Map<String, Value>,
}

impl<'a> Play<'a> {
    fn of(console: &'a Console) -> Self {
        let operations = console.operations().into_iter().map(|(method, path)| {
            let described = console.description()["paths"][&path][method.to_lowercase()].clone();
            let id = described["operationId"].as_str().unwrap().to_owned();
            (
                id,
                Operation {
                    method,
                    path,
                    described,
                },
            )
        });
        Self {
            console,
            operations: operations.collect(),
            ids: Map::new(),
            answers: Map::new(),
        }
    }

    /// Asks as the example does, and checks the answer against that of the example.
    async fn ask(&mut self, token: &str, id: &str) -> Value {
        let operation = &self.operations[id];
        let mut path = operation.path.clone();
        for (name, value) in &self.ids {
            path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default());
        }
        let (kind, body) = match operation.request() {
            Some((_, Value::Null)) => panic!("{id} has no example of a request"),
            Some((kind, Value::String(text))) => (kind, text.clone()),
            Some((kind, example)) => (kind, replaced(example, &self.ids).to_string()),
            None => ("application/json", String::new()),
        };
        let authorization = format!("Bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("content-type", kind)];
        let reply = self
            .console
            .send(&operation.method, &path, &headers, body.as_bytes())
            .await;
        let (status, schema, example) = operation.answer();
        assert_eq!(reply.status, status, "{id}: {}", reply.text());
        let answer = serde_json::from_slice(&reply.body).unwrap_or_else(|_| Value::String(reply.text()));
        if std::env::var_os("UPDATE_EXAMPLES").is_none() && status != 204 {
            let (shown, given) = (parts(example), parts(&answer));
            assert!(
                shown.is_subset(&given),
                "the example of what {id} answers: {answer:#}"
            );
            if !schema.is_null() {
                let schema =
                    json!({ "components": self.console.description()["components"], "allOf": [schema] });
                let validator = jsonschema::validator_for(&schema).unwrap();
                validator
                    .validate(example)
                    .unwrap_or_else(|error| panic!("{id}: {error}"));
            }
        }
        self.answers.insert(id.to_owned(), answer.clone());
        answer
    }

    /// Asks until the import is in this state.
    async fn until(&mut self, token: &str, id: &str, path: &str, state: &str) {
        eventually("the import's state", async || {
            let reply = self.console.as_bearer(token, "GET", path, &Value::Null).await;
            (reply.status == 200 && reply.json()["state"] == state).then_some(())
        })
        .await;
        self.ask(token, id).await;
    }
}

/// The same, with other values of these fields.
fn replaced(value: &Value, others: &Map<String, Value>) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let other = others.get(name).filter(|_| !value.is_null());
                (
                    name.clone(),
                    other.cloned().unwrap_or_else(|| replaced(value, others)),
                )
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| replaced(item, others)).collect(),
        other => other.clone(),
    }
}

/// The fields of an answer, with those that contain them; of a text, its first line.
fn parts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let inner = parts(value)
                    .into_iter()
                    .filter(|_| value.is_object() || value.is_array());
                std::iter::once(name.clone()).chain(inner.map(move |part| format!("{name}.{part}")))
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .filter(|item| item.is_object())
            .flat_map(parts)
            .collect(),
        Value::String(text) => text.lines().take(1).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

/// The same without what is different each time, and no list longer than two.
fn lasting(answer: &Value) -> Value {
    match answer {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let is_time = name == "at" || name == "since" || name.ends_with("_at");
                let value = match value {
                    Value::String(_) if is_time => json!("2026-11-27T08:00:00Z"),
                    value => lasting(value),
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().take(2).map(lasting).collect(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_taken_and_answered_as_it_says() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let ada = console.token("ada@example.com", administrator(tenant));
        let olga = console.token("olga@example.com", OPERATOR);
        let worker = Worker::start(world, &[("WORKER_NAME", "worker-1")]);
        let mut play = Play::of(&console);
        play.ids.insert("tenant_id".to_owned(), json!(tenant.id));
        play.ids.insert("token".to_owned(), json!(ada));

        for id in ["beginSession", "showSession", "showTenant"] {
            play.ask(&ada, id).await;
        }
        let upload = play.ask(&ada, "createUpload").await;
        play.ids
            .insert("upload_id".to_owned(), upload["upload_id"].clone());
        play.ask(&ada, "showUpload").await;
        let again = console.upload(&ada, "again.csv", b"Username\nann\n").await.json();
        let kept = play
            .ids
            .insert("upload_id".to_owned(), again["upload_id"].clone());
        play.ask(&ada, "discardUpload").await;
        play.ids.extend(kept.map(|kept| ("upload_id".to_owned(), kept)));
        let import = play.ask(&ada, "createImport").await;
        play.ids
            .insert("import_id".to_owned(), import["import_id"].clone());
        let own = format!("/api/imports/{}", import["import_id"].as_str().unwrap());
        play.until(&ada, "showImport", &own, "completed").await;
        for id in [
            "listImports",
            "listRows",
            "followImport",
            "downloadSuccess",
            "downloadErrors",
            "listUsers",
        ] {
            play.ask(&ada, id).await;
        }

        for id in [
            "operatorsListImports",
            "operatorsShowImport",
            "operatorsPause",
            "operatorsListPauses",
        ] {
            play.ask(&olga, id).await;
        }
        // A paused import exists and has not finished.
        let upload = console
            .upload(&ada, "team.csv", kit::good_rows(2).as_bytes())
            .await
            .json();
        let new = json!({ "upload_id": upload["upload_id"] });
        let paused = console.as_bearer(&ada, "POST", "/api/imports", &new).await.json();
        let own = format!("/api/imports/{}", paused["import_id"].as_str().unwrap());
        eventually("the import", async || {
            let reply = console.as_bearer(&ada, "GET", &own, &Value::Null).await;
            (reply.status == 200).then_some(())
        })
        .await;
        play.ids
            .insert("import_id".to_owned(), paused["import_id"].clone());
        play.ask(&olga, "operatorsCancelImport").await;
        let theirs = own.replace("/api/", "/api/operators/");
        play.until(&olga, "operatorsShowImport", &theirs, "cancelled")
            .await;
        for id in ["operatorsReplayImport", "operatorsResume"] {
            play.ask(&olga, id).await;
        }
        for (letters, ask) in [
            ("permanent_error", "operatorsReplayDeadLetters"),
            ("malformed", "operatorsDiscardDeadLetters"),
        ] {
            let letter = world
                .set_aside(
                    letters,
                    "requested",
                    &json!({ "import_id": paused["import_id"], "tenant_id": tenant.id }),
                )
                .await;
            play.ids.insert("dead_letter_ids".to_owned(), json!([letter]));
            play.ask(&olga, "operatorsListDeadLetters").await;
            play.ask(&olga, ask).await;
        }
        for id in [
            "operatorsListAudit",
            "operatorsListFindings",
            "operatorsListWorkers",
            "operatorsCountMessages",
        ] {
            play.ask(&olga, id).await;
        }
        play.ask(&ada, "endSession").await;
        drop(worker);

        let asked: BTreeSet<&String> = play.answers.keys().collect();
        assert_eq!(
            asked,
            play.operations.keys().collect(),
            "every operation has an example"
        );
        if std::env::var_os("UPDATE_EXAMPLES").is_some() {
            let examples: Map<String, Value> = play
                .operations
                .iter()
                .map(|(id, operation)| {
                    let request = operation.request().map(|(_, example)| example.clone());
                    let answer = replaced(&lasting(&play.answers[id]), &constants());
                    let example = json!({ "request": request, "answer": answer });
                    (id.clone(), example)
                })
                .collect();
            std::fs::write(FILE, format!("{:#}\n", Value::Object(examples))).unwrap();
        }
    })
    .await;
}
