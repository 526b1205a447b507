//! What is logged, and how: for people on a terminal, for machines as JSON.

use std::process::Command;

use kit::{Worker, World, eventually, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

const FIXED: [&str; 13] = [
    "timestamp",
    "level",
    "message",
    "error",
    "worker",
    "version",
    "target",
    "task",
    "import_id",
    "tenant_id",
    "attempt",
    "trace_id",
    "fields",
];

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_have_fixed_fields_and_say_which_worker_and_which_import() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let worker = Worker::start(world, &[("LOG_FORMAT", "json"), ("WORKER_NAME", "worker-a")]);
        let mut malformed = world.upload(tenant, good_rows(1)).await;
        malformed["mode"] = json!("no mode");
        world.publish(&malformed).await;
        final_data(&world.final_event(&malformed).await, "refused");
        assert!(worker.terminate().await.success());

        let lines: Vec<Value> = world
            .logged()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect();
        for line in &lines {
            let names = line.as_object().unwrap().keys();
            assert!(names.clone().all(|name| FIXED.contains(&name.as_str())), "{line}");
            assert_eq!(
                (&line["worker"], &line["version"]),
                (&json!("worker-a"), &json!("0.1.0")),
                "{line}"
            );
        }
        let set_aside = lines.iter().find(|line| line["level"] == "error").unwrap();
        assert_eq!(set_aside["import_id"], id(&malformed), "{set_aside}");
        assert_eq!(set_aside["tenant_id"], json!(tenant.id.get()), "{set_aside}");
        assert_eq!(set_aside["fields"]["reason"], "malformed", "{set_aside}");
        assert!(
            set_aside["error"].as_str().unwrap().contains("no mode"),
            "{set_aside}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_has_a_name_of_its_own_unless_it_is_given_one() {
    in_world(async |world| {
        let worker = Worker::start(world, &[("LOG_FORMAT", "json")]);
        let expected = format!("-{}", worker.id());
        let name = eventually("a line of the log", async || {
            let line: Value = serde_json::from_str(world.logged().lines().next()?).ok()?;
            Some(line["worker"].as_str()?.to_owned())
        })
        .await;
        assert!(name.ends_with(&expected) && name.len() > expected.len(), "{name}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_log_setting_is_wrong_usage() {
    in_world(async |world| {
        for (variable, value) in [
            ("RUST_LOG", "worker=loud"),
            ("LOG_FORMAT", "xml"),
            ("WORKER_NAME", "two words"),
            ("WORKER_NAME", ""),
            ("HTTP_ADDRESS", "9100"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ] {
            let ran = world
                .command()
                .arg("work")
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
                .env(variable, value)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(2), "{variable}={value}: {said}");
            assert!(
                said.contains(&format!("{value:?}")) || said.contains(&format!("'{value}'")),
                "{variable}: {said}"
            );
        }
    })
    .await;
}

/// Runs a command on a terminal, which takes what it logs.
fn on_a_terminal(world: &World, variables: &[(&str, &str)]) -> String {
    let program = world.command();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{} migrate", program.get_program().to_str().unwrap()))
        .arg("/dev/null")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(world.variables())
        .envs(variables.iter().copied());
    let ran = script.output().unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_gets_no_escape_sequences_whatever_it_wants() {
    in_world(async |world| {
        for variables in [
            &[][..],
            &[("NO_COLOR", "1")],
            &[("TERM", "dumb")],
            &[("LOG_FORMAT", "json")],
        ] {
            let text = on_a_terminal(world, variables);
            assert!(text.contains("up to date"), "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    })
    .await;
}
