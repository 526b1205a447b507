//! The runbook, followed literally: each of its commands is run, in the situation that the comment above it names, and must print
//! what the runbook shows.

mod transcript;

use std::{collections::BTreeSet, path::Path, process::Command};

use clap::{CommandFactory as _, error::ErrorKind};
use kit::{Watched, Worker, World, good_rows, id, in_world, steps::planned};
use serde_json::{Value, json};
use worker::cli::Cli;

use self::transcript::blocks;

/// The runbook as it stands, whenever this was compiled.
fn runbook() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/RUNBOOK.md")).unwrap()
}

/// The import that the runbook speaks of.
const IMPORT: &str = "11111111-1111-4111-8111-111111111111";

/// The situations that the tests below bring about.
const SITUATIONS: [&str; 11] = [
    "a dead letter",
    "a failed import",
    "a refused row, whose role is there now",
    "a virtual host",
    "an import that is done",
    "an import that waits",
    "an import under way",
    "no broker",
    "no database",
    "no object storage",
    "no worker",
];

/// What the runbook's names stand for here, and what a command finds in its environment.
#[derive(Default)]
struct Situation {
    names: Vec<(&'static str, String)>,
    variables: Vec<(&'static str, &'static str)>,
    /// Run as long as the commands.
    workers: Vec<Worker>,
}

impl Situation {
    fn of(job: &Value) -> Self {
        Self {
            names: vec![
                (IMPORT, id(job).to_owned()),
                ("tenant 1", format!("tenant {}", job["tenant_id"])),
                ("VHOST", "user-import".to_owned()),
            ],
            ..Self::default()
        }
    }

    fn with(mut self, worker: Worker) -> Self {
        self.workers.push(worker);
        self
    }

    fn named(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

/// Brings about the situation for each block that asks for it, each time from scratch, and runs the block.
async fn follow(given: &str, bring_about: impl AsyncFn(&World) -> Situation) {
    assert!(SITUATIONS.contains(&given));
    let runbook = runbook();
    let mut followed = 0;
    let mut wrong = String::new();
    for block in blocks(&runbook).iter().filter(|block| block.given == Some(given)) {
        in_world(async |world| {
            let situation = bring_about(world).await;
            for step in block.steps(|text| situation.named(text)) {
                let (code, printed) = run(world, &situation, &step.command).await;
                if !step.is_told_by(&printed) || code != Some(expected_code(&printed)) {
                    wrong += &format!(
                        "\nline {}: {}\nshould print:\n{}\nprints, with exit code {code:?}:\n{printed}",
                        block.line,
                        step.command,
                        step.expected.join("\n"),
                    );
                }
            }
        })
        .await;
        followed += 1;
    }
    assert!(followed > 0, "the runbook has nothing for {given:?}");
    assert!(wrong.is_empty(), "RUNBOOK.md is wrong, given {given}:\n{wrong}");
}

/// As the runbook says of exit codes.
fn expected_code(printed: &str) -> i32 {
    if printed.contains("nothing was changed: add --yes") {
        5
    } else {
        i32::from(printed.lines().any(|line| line.starts_with("FAILED")))
    }
}

/// Exit code, and standard output and error as a terminal shows them.
async fn run(world: &World, situation: &Situation, command: &str) -> (Option<i32>, String) {
    let program = world.command();
    let tools = tools(world);
    let mut bash = Command::new("bash");
    bash.args(["-c", &format!("set -o pipefail; exec 2>&1; {command}")])
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .envs([("USER", "olga"), ("NO_COLOR", "1")])
        .current_dir(world.scratch());
    // psql reads no parameters of ours.
    for name in ["DATABASE_URL", "OPERATOR_DATABASE_URL"] {
        bash.env(name, world.variable(name).split('?').next().unwrap());
    }
    bash.envs(situation.variables.iter().copied());
    let mut folders = vec![
        tools,
        Path::new(program.get_program()).parent().unwrap().to_owned(),
    ];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    bash.env("PATH", std::env::join_paths(folders).unwrap());
    let output = tokio::task::spawn_blocking(move || bash.output().unwrap())
        .await
        .unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// A folder with RabbitMQ's programs, for the private broker.
fn tools(world: &World) -> std::path::PathBuf {
    let folder = world.scratch().join("tools");
    if std::fs::create_dir(&folder).is_ok() {
        let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/lib/rabbitmqctl");
        let local = local.canonicalize().unwrap();
        for name in ["rabbitmqctl", "rabbitmq-diagnostics"] {
            std::os::unix::fs::symlink(&local, folder.join(name)).unwrap();
        }
    }
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_an_import_that_is_done() {
    follow("an import that is done", async |world| {
        let worker = Worker::start(world, &[Watched::ANYWHERE, ("LOG_FORMAT", "json")]);
        let job = world.submit(world.tenant().await, good_rows(5)).await;
        world.final_event(&job).await;
        world.scratch_file("worker.log", world.logged());
        let mut situation = Situation::of(&job).with(worker);
        let address = Watched::of(world).await.address().to_owned();
        situation.names.push(("127.0.0.1:9100", address));
        situation
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_failed_import() {
    follow("a failed import", async |world| {
        let job = world.half_failed().await;
        Situation::of(&job).with(Worker::start(world, &[]))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_an_import_under_way() {
    follow("an import under way", async |world| {
        let job = world.upload(world.tenant().await, good_rows(60)).await;
        planned(&world.context(), &job).await;
        world.publish(&job).await;
        Situation::of(&job).with(Worker::start(world, &[]))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_an_import_that_waits() {
    follow("an import that waits", async |world| {
        let job = world.upload(world.tenant().await, good_rows(60)).await;
        planned(&world.context(), &job).await;
        Situation::of(&job)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_refused_row_whose_role_is_there_now() {
    follow("a refused row, whose role is there now", async |world| {
        let worker = Worker::start(world, &[]);
        let file = "Username,Email,Virtual Extension,Role\r\n\
                    ada,ada@example.com,20001,10\r\nbob,bob@example.com,20002,10\r\neve,eve@example.com,20003,17\r\n";
        let job = world.submit(world.tenant().await, file).await;
        world.final_event(&job).await;
        world
            .execute("INSERT INTO dialer.roles (tenant_id, role_id, name, active) SELECT tenant_id, 17, 'New', true FROM dialer.tenants")
            .await;
        Situation::of(&job).with(worker)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_dead_letter() {
    follow("a dead letter", async |world| {
        let job = world.half_failed().await;
        let batch = json!({
            "version": 1, "import_id": id(&job), "tenant_id": job["tenant_id"], "attempt": 1, "first_row": 26, "last_row": 50,
        });
        world.set_aside("permanent_error", "rows.02", &batch).await;
        Situation::of(&job).with(Worker::start(world, &[]))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_no_worker() {
    follow("no worker", async |_| Situation::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_servers_that_are_unavailable() {
    // Nothing listens there.
    for (given, variable, url) in [
        (
            "no database",
            "DATABASE_URL",
            "postgres://nobody@127.0.0.1:9/user_import",
        ),
        ("no broker", "AMQP_URL", "amqp://127.0.0.1:9/"),
        ("no object storage", "S3_ENDPOINT", "http://127.0.0.1:9"),
    ] {
        follow(given, async |_| Situation {
            variables: vec![(variable, url)],
            ..Situation::default()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_virtual_host() {
    follow("a virtual host", async |world| {
        let situation = Situation {
            names: vec![("VHOST", world.prefix().trim_end_matches('.').to_owned())],
            ..Situation::default()
        };
        let (code, printed) = run(world, &situation, &situation.named("rabbitmqctl add_vhost VHOST")).await;
        assert_eq!(code, Some(0), "{printed}");
        situation
    })
    .await;
}

#[test]
fn every_block_is_run_in_a_situation_that_a_test_brings_about() {
    let runbook = runbook();
    let mut asked = BTreeSet::new();
    for block in blocks(&runbook) {
        assert_eq!(
            block.language, "console",
            "line {}: nobody would run it",
            block.line
        );
        let given = block
            .given
            .unwrap_or_else(|| panic!("line {}: given what?", block.line));
        assert!(
            SITUATIONS.contains(&given),
            "line {}: no test for {given:?}",
            block.line
        );
        let shows = |line: &&str| line.starts_with("$ ");
        assert!(
            block.lines.first().is_some_and(shows),
            "line {}: no command",
            block.line
        );
        asked.insert(given);
    }
    assert_eq!(asked, BTreeSet::from(SITUATIONS));
}

/// What is between backticks in the prose is typed as well.
#[test]
fn every_command_that_is_named_in_passing_is_one_of_the_program() {
    let mut named = 0;
    for code in runbook().split('`').skip(1).step_by(2) {
        let Some(arguments) = code.strip_prefix("user-import ") else {
            continue;
        };
        let arguments = arguments.replace("ID", IMPORT);
        let words: Vec<_> = ["user-import"]
            .into_iter()
            .chain(arguments.split_whitespace())
            .collect();
        named += 1;
        let Err(error) = Cli::command().try_get_matches_from(&words) else {
            continue;
        };
        // The servers, which are in the environment.
        let complete = matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::DisplayHelp
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        assert!(complete, "`user-import {arguments}`: {error}");
    }
    assert!(named > 20, "{named}");
}
