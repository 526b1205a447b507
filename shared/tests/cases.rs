//! Files as administrators upload them, each with its expected result: `cases/README.md` says what the fields mean.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

use std::{collections::BTreeMap, path::Path};

use regex::RegexBuilder;
use serde_json::{Value, json};
use shared::{
    assess::{Assessment, ExtensionRange, NewUser, TenantSnapshot, assess, check_fixed_values},
    contract::job::Job,
    file::{self, SourceFile},
    limits::Limits,
    mapping,
    outcome::Outcome,
    rejection::Rejection,
    report::{ErrorRow, error_csv},
    row,
};

/// The result of a file.
enum Came {
    Rejected(Rejection),
    Finished(Finished),
}

struct Finished {
    users: BTreeMap<u32, Box<NewUser>>,
    /// Outcome, codes and sentences of the rows that were refused.
    refused: BTreeMap<u32, (Outcome, Vec<String>, Vec<String>)>,
    error_csv: String,
}

fn tenant() -> TenantSnapshot {
    TenantSnapshot {
        roles: [10, 11].into(),
        desks: [1, 20, 21, 200, 1200].into(),
        skill_groups: [30, 31, 32].into(),
        tags: [40].into(),
        pbx_domains: [50].into(),
        usernames: [("existing.agent".to_owned(), 1)].into(),
        emails: [("existing.agent@example.com".to_owned(), 1)].into(),
        extensions: [("0999".to_owned(), 1)].into(),
        extension_range: ExtensionRange::new("0200", "0899").ok(),
        extensions_in_use: [].into(),
    }
}

/// The job that `submit` makes of these options.
fn job(options: &[&str]) -> Job {
    let mut fields = json!({});
    for option in options.chunks(2) {
        let &[kind, assignment] = option else {
            panic!("{options:?}")
        };
        let (field, value) = assignment.split_once('=').unwrap();
        fields[field] = match (kind, field) {
            ("--map", _) => json!({ "column": value }),
            ("--set", "role") => json!({ "value": value.parse::<i64>().unwrap() }),
            _ => panic!("{options:?}"),
        };
    }
    serde_json::from_value(json!({
        "version": 1, "import_id": "5f0c6c1e-8d5e-4f0a-9b0e-0d2f1c3b4a59", "tenant_id": 42,
        "source": { "key": "tenants/42/uploads/users.csv" }, "fields": fields,
    }))
    .unwrap()
}

fn import(bytes: &[u8], job: &Job, tenant: &TenantSnapshot) -> Came {
    match planned(bytes, job, tenant) {
        Ok(finished) => Came::Finished(finished),
        Err(rejection) => Came::Rejected(rejection),
    }
}

fn planned(bytes: &[u8], job: &Job, tenant: &TenantSnapshot) -> Result<Finished, Rejection> {
    let limits = Limits::default();
    let upload = file::read(bytes, None, &limits)?;
    let mapping = mapping::map(&upload.header, job)?;
    let file = upload.records(|column| mapping.is_mapped(column))?;
    check_fixed_values(job, tenant)?;
    file::check_row_count(&file, &limits)?;
    let mut finished = Finished {
        users: BTreeMap::new(),
        refused: BTreeMap::new(),
        error_csv: String::new(),
    };
    let rows = assess(row::read(&file, &mapping, job), tenant);
    finished.error_csv = errors(&file, &rows);
    for row in rows {
        match row.assessment {
            Assessment::Valid(user) => {
                finished.users.insert(row.row, user);
            }
            Assessment::Refused { outcome, problems } => {
                let codes = problems.iter().map(|problem| problem.code.to_string()).collect();
                let sentences = problems.into_iter().map(|problem| problem.message).collect();
                finished.refused.insert(row.row, (outcome, codes, sentences));
            }
        }
    }
    Ok(finished)
}

fn errors(file: &SourceFile, rows: &[shared::assess::AssessedRow]) -> String {
    let refused = file
        .records
        .iter()
        .zip(rows)
        .filter_map(|(record, row)| match &row.assessment {
            Assessment::Refused { outcome, problems } => Some(ErrorRow {
                cells: &record.cells,
                row: record.row,
                line: record.line,
                result: *outcome,
                problems,
            }),
            Assessment::Valid(_) => None,
        });
    String::from_utf8(error_csv(&file.header.names, refused)).unwrap()
}

/// The tenant after what was done in it before.
fn after(before: &Value, folder: &Path, own: &[u8]) -> TenantSnapshot {
    let (mut tenant, empty) = (tenant(), Vec::new());
    for step in before.as_array().unwrap_or(&empty) {
        let step = step.as_str().unwrap();
        let bytes = match step.split_once(['@', ':']) {
            Some(("import", text)) if step.contains('@') && !step.contains(':') => {
                std::fs::read(folder.join(text)).unwrap()
            }
            Some(("import", text)) => text.trim_start().as_bytes().to_vec(),
            None if step == "import" => own.to_vec(),
            None if step == "delete" => {
                tenant = self::tenant();
                continue;
            }
            _ => panic!("{step}"),
        };
        if let Came::Finished(finished) = import(&bytes, &job(&[]), &tenant) {
            for (number, user) in &finished.users {
                let id = 1000 + i64::from(*number);
                tenant.usernames.insert(user.username.key().to_owned(), id);
                tenant.emails.insert(user.email.key().to_owned(), id);
                tenant
                    .extensions
                    .insert(user.virtual_extension.as_str().to_owned(), id);
            }
        }
    }
    tenant
}

/// What is wrong with the result of a file; nothing if it is right.
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
        Came::Rejected(_) => 4,
        Came::Finished(finished) if finished.refused.is_empty() => 0,
        Came::Finished(_) => 3,
    };
    check(is_one_of(&right["exit"], exit.into()), format!("exit {exit}"));
    let sentences = match came {
        Came::Rejected(rejection) => vec![rejection.message.clone()],
        Came::Finished(finished) => finished
            .refused
            .values()
            .flat_map(|(_, _, sentences)| sentences.clone())
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
        Came::Rejected(rejection) => {
            let code = rejection.code.as_str();
            let is_right = right["reject"].is_null() || is_one_of(&right["reject"], code.into());
            check(is_right, format!("rejected: {rejection}"));
        }
        Came::Finished(finished) => wrong.extend(wrong_rows(finished, right)),
    }
    wrong
}

fn wrong_rows(finished: &Finished, right: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let count = |outcome: Outcome| {
        finished
            .refused
            .values()
            .filter(|(found, ..)| *found == outcome)
            .count()
    };
    for (name, found) in [
        ("total", finished.users.len() + finished.refused.len()),
        ("created", finished.users.len()),
        ("duplicates", count(Outcome::Duplicate)),
        ("errors", count(Outcome::Error)),
    ] {
        if right[name].is_u64() && right[name] != found {
            wrong.push(format!("{name} {found}: {:?}", finished.refused));
        }
    }
    for (row, codes) in entries(&right["rows"]) {
        let refused = finished.refused.get(&row);
        let has = |code: &str| {
            refused.is_some_and(|(_, found, _)| code == "*" || found.iter().any(|found| found == code))
        };
        if !codes.as_str().unwrap().split(';').all(has) {
            wrong.push(format!("row {row}: {refused:?}"));
        }
    }
    for (row, pattern) in entries(&right["says_rows"]) {
        if let Some((_, _, sentences)) = finished.refused.get(&row)
            && !sentences
                .iter()
                .any(|sentence| matches(pattern.as_str().unwrap(), sentence, false))
        {
            wrong.push(format!("row {row} says {sentences:?}"));
        }
    }
    for (row, user) in &finished.users {
        let stored = stored(user);
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
    let texts = |name: &str| right[name].as_array().cloned().unwrap_or_default();
    for text in texts("nowhere") {
        if finished.error_csv.contains(text.as_str().unwrap()) {
            wrong.push(format!("{text} is in the error CSV"));
        }
    }
    for name in texts("not_lost") {
        let name = name.as_str().unwrap();
        let is_user = finished.users.values().any(|user| user.username.as_str() == name);
        if !is_user && !finished.error_csv.contains(name) {
            wrong.push(format!("{name} is lost"));
        }
    }
    wrong
}

fn stored(user: &NewUser) -> Value {
    json!({
        "username": user.username.as_str(), "email": user.email.as_str(),
        "virtual_extension": user.virtual_extension.as_str(),
        "roles": user.roles, "desks": user.desks, "skill_groups": user.skill_groups, "tags": user.tags,
        "first_name": user.first_name.as_ref().map(|name| name.as_str()),
        "last_name": user.last_name.as_ref().map(|name| name.as_str()),
    })
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

#[test]
fn every_file_comes_out_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let cases = std::fs::read_to_string(folder.join("cases.yaml")).unwrap();
    let cases = json(yaml_serde::from_str(&cases).unwrap());
    let mut failures = Vec::new();
    for (name, case) in cases["cases"].as_object().unwrap() {
        let bytes = std::fs::read(folder.join(format!("{name}.csv"))).unwrap();
        let options: Vec<&str> = case["options"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|option| option.as_str().unwrap())
            .collect();
        let tenant = after(&case["before"], &folder, &bytes);
        let came = import(&bytes, &job(&options), &tenant);
        let found = wrong(&came, &case["right"]);
        let or = &case["right"]["or"];
        if !found.is_empty() && (or.is_null() || !wrong(&came, or).is_empty()) {
            failures.push(format!(
                "{name} ({}): {}",
                case["words"].as_str().unwrap(),
                found.join("; ")
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of them do not:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
