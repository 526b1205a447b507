//! The alert rules and the dashboard use metrics that a worker really exports, and every alert has an entry in the
//! runbook.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Command, Stdio},
};

use kit::{Watched, Worker, eventually, in_world};
use serde_json::Value;

fn deploy(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy(name)).unwrap()
}

fn rules() -> Vec<Value> {
    let document: Value = yaml_serde::from_str(&read("monitoring/alerts.yaml")).unwrap();
    document["groups"][0]["rules"].as_array().unwrap().clone()
}

/// All strings below names `expr` and `query` of the dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name == "expr" || name == "query" => found.push(text.clone()),
                    other => queries(other, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

/// The metrics of ours that an expression names, and the labels that it compares or groups by.
fn metrics(expression: &str) -> BTreeSet<String> {
    let names = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    names
        .filter(|name| name.starts_with("user_import_") || name.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn promtool(arguments: &[&str], stdin: Stdio) -> Command {
    let mut promtool = Command::new("promtool");
    promtool.args(arguments).stdin(stdin);
    promtool
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_alerts_and_dashboard_ask_for_is_told_by_a_worker() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[Watched::ANYWHERE]);
        let watched = Watched::of(world).await;
        let scrape = eventually("a scrape with what the database tells", async || {
            Some(watched.scrape().await).filter(|text| text.contains("user_import_pending_rows"))
        })
        .await;
        let mut asked = Vec::new();
        queries(
            &serde_json::from_str(&read("monitoring/dashboard.json")).unwrap(),
            &mut asked,
        );
        assert!(asked.len() > 15, "{asked:?}");
        asked.extend(
            rules()
                .iter()
                .map(|rule| rule["expr"].as_str().unwrap().to_owned()),
        );
        let mut unused: BTreeSet<&str> = scrape
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .collect();
        for expression in &asked {
            for metric in metrics(expression) {
                let series = scrape.lines().any(|line| {
                    line.strip_prefix(&metric)
                        .is_some_and(|rest| rest.starts_with(['{', ' ']))
                });
                assert!(series, "{metric} of {expression:?} is not exported");
                unused.remove(metric.trim_end_matches("_bucket"));
            }
        }
        assert_eq!(unused, BTreeSet::new(), "exported, but used by nothing");

        // Source of the rules: Prometheus itself.
        let file = std::fs::File::open(world.scratch_file("metrics", scrape.as_bytes())).unwrap();
        let checked = promtool(&["check", "metrics"], file.into()).output().unwrap();
        assert!(
            checked.status.success(),
            "{}",
            String::from_utf8_lossy(&checked.stderr)
        );
    })
    .await;
}

#[test]
fn each_alert_fires_on_what_it_is_for_and_on_nothing_else() {
    for arguments in [["check", "rules"], ["test", "rules"]] {
        let file = deploy(match arguments {
            ["check", _] => "monitoring/alerts.yaml",
            _ => "monitoring/alerts-test.yaml",
        });
        let ran = promtool(&arguments, Stdio::null()).arg(file).output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        assert!(
            ran.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&said)
        );
    }
    let tests = read("monitoring/alerts-test.yaml");
    for rule in rules() {
        let name = rule["alert"].as_str().unwrap();
        assert!(
            tests.matches(&format!("alertname: {name} ")).count() == 1,
            "{name} is not tested to be silent"
        );
        assert!(
            tests.contains(&format!("alertname=\"{name}\"")),
            "{name} is not tested to fire"
        );
    }
}

#[test]
fn each_alert_has_its_entry_in_the_runbook_and_each_entry_its_alert() {
    let runbook = read("RUNBOOK.md");
    let entries: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("### Alert "))
        .collect();
    let rules = rules();
    let alerts: BTreeSet<&str> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert_eq!(alerts, entries);
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let anchor = format!("deploy/RUNBOOK.md#alert-{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], anchor.as_str());
        assert!(
            ["page", "ticket"].contains(&rule["labels"]["severity"].as_str().unwrap()),
            "{name}"
        );
    }
}
