//! Runs the examples of `deploy/INTEGRATION.md` as they are, and checks that the page names every event, code and
//! reason.

use std::{path::PathBuf, process::Command};

use kit::{Worker, World, contract, in_world, skipped, summary, variable};
use serde_json::Value;

fn guide() -> String {
    let path = contract::folder().join("../../deploy/INTEGRATION.md");
    std::fs::read_to_string(path).unwrap()
}

/// The program of this name in the guide, as a file.
fn example(world: &World, name: &str) -> PathBuf {
    let guide = guide();
    let (_, rest) = guide.split_once(&format!("<!-- example: {name} -->\n")).unwrap();
    let (_, code) = rest.split_once('\n').unwrap();
    let (code, _) = code.split_once("```").unwrap();
    world.scratch_file(name, code)
}

/// Runs an example; returns what it prints.
async fn run(world: &World, mut command: Command) -> Value {
    let tenant = world.tenant().await;
    world.stop_listening().await;
    let _worker = Worker::start(world, &[]);
    let rows = "login,mail\r\nann,ann@example.com\r\nbob,bob@example.com\r\nANN,a@x.org\r\n";
    let file = world.scratch_file("users.csv", rows);
    command.args([file.to_str().unwrap(), &tenant.id.to_string()]);
    command.env("AMQP_PREFIX", world.prefix());
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let printed: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(printed["event"]["data"]["summary"], summary(2, 1, 0));
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_python_runs_as_it_stands() {
    in_world(async |world| {
        let mut python = Command::new(variable("TEST_PYTHON"));
        python.arg(example(world, "dialer.py"));
        let printed = run(world, python).await;
        let users = printed["users"].as_array().unwrap();
        assert_eq!(users.len(), 2, "{printed}");
        assert!(
            users
                .iter()
                .all(|user| user["Temporary Password"].as_str().unwrap().len() == 16)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_in_node_runs_as_it_stands() {
    let Ok(packages) = std::env::var("TEST_NODE") else {
        skipped("the example in Node.js was not run: there is no Node.js (deploy/local/node says why)");
        return;
    };
    in_world(async |world| {
        let program = example(world, "dialer.mjs");
        // Packages are looked for beside the program.
        let link = world.scratch().join("node_modules");
        std::os::unix::fs::symlink(PathBuf::from(&packages).join("node_modules"), link).unwrap();
        let mut node = Command::new("node");
        node.arg(program);
        let printed = run(world, node).await;
        let report = printed["reports"][0].as_str().unwrap();
        assert_eq!(report.lines().count(), 3, "{printed}");
    })
    .await;
}

#[test]
fn the_guide_names_every_event_and_every_code() {
    let (guide, schema) = (guide(), contract::schema("event.json"));
    let constants = |definition: &str| -> Vec<String> {
        let forms = schema["$defs"][definition]["oneOf"].as_array().unwrap().iter();
        forms
            .map(|form| form["const"].as_str().unwrap().to_owned())
            .collect()
    };
    for code in constants("Code").into_iter().chain(constants("RejectionCode")) {
        assert!(guide.contains(&format!("`{code}`")), "{code}");
    }
    for event in schema["oneOf"].as_array().unwrap() {
        let name = event["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let kind = name.trim_end_matches("Event").to_lowercase();
        assert!(guide.contains(&format!("| [`import.{kind}`](")), "{kind}");
    }
}
