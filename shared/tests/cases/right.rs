//! What must come of each file of this folder, and whether it did. Used by the tests of the rules, and by those that let a
//! worker import the files.

use std::{collections::BTreeMap, path::PathBuf};

use regex::RegexBuilder;
use serde_json::{Value, json};

/// What came of a file.
#[derive(Debug)]
pub(crate) enum Came {
    Rejected { code: String, sentence: String },
    Finished(Finished),
}

/// What became of the rows of a file, by their numbers.
#[derive(Debug)]
pub(crate) struct Finished {
    /// The users, with the fields that `right` knows.
    pub(crate) users: BTreeMap<u32, Value>,
    pub(crate) refused: BTreeMap<u32, Refused>,
    pub(crate) error_csv: String,
}

/// A row that did not become a user.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) outcome: String,
    pub(crate) codes: Vec<String>,
    pub(crate) sentences: Vec<String>,
}

/// A file with what must come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    case: Value,
}

impl Case {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(folder().join(format!("{}.csv", self.name))).unwrap()
    }

    /// The fields of the job that `submit` makes of the options.
    pub(crate) fn fields(&self) -> Value {
        let mut fields = json!({});
        let options = texts(&self.case["options"]);
        for option in options.chunks(2) {
            let [kind, assignment] = option else {
                panic!("{options:?}")
            };
            let (field, value) = assignment.split_once('=').unwrap();
            fields[field] = match (kind.as_str(), field) {
                ("--map", _) => json!({ "column": value }),
                ("--set", "role") => json!({ "value": value.parse::<i64>().unwrap() }),
                _ => panic!("{options:?}"),
            };
        }
        fields
    }

    /// What is done in the tenant before the file is imported.
    pub(crate) fn before(&self) -> Vec<Before> {
        let step = |step: String| match step.split_once(['@', ':']) {
            Some(("import", file)) if step.contains('@') && !step.contains(':') => {
                Before::Import(std::fs::read(folder().join(file)).unwrap())
            }
            Some(("import", text)) => Before::Import(text.trim_start().as_bytes().to_vec()),
            None if step == "import" => Before::Import(self.bytes()),
            None if step == "delete" => Before::Delete,
            _ => panic!("{step}"),
        };
        texts(&self.case["before"]).into_iter().map(step).collect()
    }

    /// What is wrong with what came of the file; `None` if it is right. `written` is all that was written of it anywhere.
    pub(crate) fn failure(&self, came: &Came, written: &str) -> Option<String> {
        let mut found = wrong(came, &self.case["right"]);
        let secrets = texts(&self.case["right"]["nowhere"]).into_iter();
        found.extend(
            secrets
                .filter(|text| written.contains(text))
                .map(|text| format!("{text} was written")),
        );
        let or = &self.case["right"]["or"];
        if found.is_empty() || (!or.is_null() && wrong(came, or).is_empty()) {
            return None;
        }
        let words = self.case["words"].as_str().unwrap();
        Some(format!("{} ({words}): {}", self.name, found.join("; ")))
    }
}

/// Something that is done in a tenant.
pub(crate) enum Before {
    /// Imports this file.
    Import(Vec<u8>),
    /// Deletes all users that were imported.
    Delete,
}

fn folder() -> PathBuf {
    // From the folder of shared and from that of the integration tests.
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests/cases", "../../shared/tests/cases"].map(|folder| here.join(folder));
    let found = folders
        .into_iter()
        .find(|folder| folder.join("cases.yaml").exists());
    found.expect("the folder of the cases")
}

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.yaml")).unwrap();
    let Value::Object(cases) = json(yaml_serde::from_str(&text).unwrap())["cases"].take() else {
        panic!("cases.yaml has no cases")
    };
    let case = |(name, case)| Case { name, case };
    cases.into_iter().map(case).collect()
}

fn texts(value: &Value) -> Vec<String> {
    let texts = value.as_array().into_iter().flatten();
    texts.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// What is wrong with what came of a file; nothing if it is right.
fn wrong(came: &Came, right: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |is_right: bool, what: String| {
        if !is_right {
            wrong.push(what);
        }
    };
    let is_one_of = |wanted: &Value, found: Value| {
        wanted == &found || wanted.as_array().is_some_and(|all| all.contains(&found))
    };
    let exit = match came {
        Came::Rejected { .. } => 4,
        Came::Finished(finished) if finished.refused.is_empty() => 0,
        Came::Finished(_) => 3,
    };
    check(is_one_of(&right["exit"], exit.into()), format!("exit {exit}"));
    let sentences = match came {
        Came::Rejected { sentence, .. } => vec![sentence.clone()],
        Came::Finished(finished) => finished
            .refused
            .values()
            .flat_map(|row| row.sentences.clone())
            .collect(),
    };
    let matches = |pattern: &Value, sentence: &String| matches(pattern.as_str().unwrap(), sentence, false);
    if exit != 0 && right["says"].is_string() {
        check(
            sentences.iter().any(|sentence| matches(&right["says"], sentence)),
            format!("says {sentences:?}"),
        );
    }
    if right["not_says"].is_string() {
        check(
            !sentences
                .iter()
                .any(|sentence| matches(&right["not_says"], sentence)),
            format!("says {sentences:?}"),
        );
    }
    match came {
        Came::Rejected { code, sentence } => {
            let is_right = right["reject"].is_null() || is_one_of(&right["reject"], code.as_str().into());
            check(is_right, format!("rejected: {code}: {sentence}"));
        }
        Came::Finished(finished) => wrong.extend(wrong_rows(finished, right)),
    }
    wrong
}

fn wrong_rows(finished: &Finished, right: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let count = |outcome: &str| {
        finished
            .refused
            .values()
            .filter(|row| row.outcome == outcome)
            .count()
    };
    for (name, found) in [
        ("total", finished.users.len() + finished.refused.len()),
        ("created", finished.users.len()),
        ("duplicates", count("duplicate")),
        ("errors", count("error")),
    ] {
        if right[name].is_u64() && right[name] != found {
            wrong.push(format!("{name} {found}: {:?}", finished.refused));
        }
    }
    for (row, codes) in entries(&right["rows"]) {
        let refused = finished.refused.get(&row);
        let has = |code: &str| {
            refused.is_some_and(|row| code == "*" || row.codes.iter().any(|found| found == code))
        };
        if !codes.as_str().unwrap().split(';').all(has) {
            wrong.push(format!("row {row}: {refused:?}"));
        }
    }
    for (row, pattern) in entries(&right["says_rows"]) {
        if let Some(Refused { sentences, .. }) = finished.refused.get(&row)
            && !sentences
                .iter()
                .any(|sentence| matches(pattern.as_str().unwrap(), sentence, false))
        {
            wrong.push(format!("row {row} says {sentences:?}"));
        }
    }
    for (row, stored) in &finished.users {
        for (field, value) in right["stored"][row.to_string()].as_object().into_iter().flatten() {
            if &stored[field] != value {
                wrong.push(format!("row {row}: {field} {}", stored[field]));
            }
        }
        for (name, value) in ["first_name", "last_name"]
            .into_iter()
            .zip(right["names"][row.to_string()].as_array().into_iter().flatten())
        {
            if &stored[name] != value {
                wrong.push(format!("row {row}: {name} {}", stored[name]));
            }
        }
        for (field, pattern) in right["never_user"].as_object().into_iter().flatten() {
            if stored[field]
                .as_str()
                .is_some_and(|text| matches(pattern.as_str().unwrap(), text, true))
            {
                wrong.push(format!("row {row}: a user with {field} {}", stored[field]));
            }
        }
    }
    for name in texts(&right["not_lost"]) {
        let is_user = finished.users.values().any(|user| user["username"] == name);
        if !is_user && !finished.error_csv.contains(&name) {
            wrong.push(format!("{name} is lost"));
        }
    }
    wrong
}

fn entries(of_rows: &Value) -> Vec<(u32, Value)> {
    let entries = of_rows.as_object().into_iter().flatten();
    entries
        .map(|(row, value)| (row.parse().unwrap(), value.clone()))
        .collect()
}

fn matches(pattern: &str, text: &str, any_case: bool) -> bool {
    RegexBuilder::new(pattern)
        .case_insensitive(any_case)
        .build()
        .unwrap()
        .is_match(text)
}

/// YAML as JSON, whose keys are texts.
fn json(yaml: yaml_serde::Value) -> Value {
    use yaml_serde::Value as Yaml;
    match yaml {
        Yaml::Mapping(mapping) => {
            let entry = |(key, value)| match json(key) {
                Value::String(key) => (key, json(value)),
                key => (key.to_string(), json(value)),
            };
            Value::Object(mapping.into_iter().map(entry).collect())
        }
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect()),
        other => serde_json::to_value(other).unwrap(),
    }
}
