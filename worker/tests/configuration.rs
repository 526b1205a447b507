//! The configuration as the command line defines it: `deploy/CONFIGURATION.md` is written from it, and whatever a file of `deploy`
//! sets must be in it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, CommandFactory as _};
use worker::cli::Cli;

/// Variables that no option of ours reads: OpenTelemetry's exporter does, by its own specification.
const READ_BY_LIBRARIES: &str = "OTEL_";

/// Variables of other programs that the files set: the servers' own, and what a person fills into `.env`.
const OF_OTHERS: [&str; 17] = [
    "AMQP_DIALER_PASSWORD",
    "AMQP_WORKER_PASSWORD",
    "CARGO_HOME",
    "CONSOLE_PASSWORD",
    "OPERATOR_PASSWORD",
    "OWNER_PASSWORD",
    "POSTGRES_PASSWORD",
    "PGPASSWORD",
    "ON_ERROR_STOP",
    "AMQP_MONITOR_PASSWORD",
    "ROOT_ACCESS_KEY",
    "ROOT_SECRET_KEY",
    "SQLX_OFFLINE",
    "VGW_HEALTH",
    "VGW_PORT",
    "WORKER_PASSWORD",
    "RUST_MIN_STACK",
];

/// An option with a variable, and the commands that have it.
struct Variable {
    heading: String,
    arg: Arg,
    commands: Vec<String>,
}

impl Variable {
    /// Secrets, whose value the help does not show, are also read from files.
    fn is_secret(&self) -> bool {
        self.arg.is_hide_env_values_set()
    }
}

/// All variables by name, with those of subcommands.
fn variables() -> BTreeMap<String, Variable> {
    let mut root = Cli::command();
    root.build();
    let mut variables = BTreeMap::new();
    collect(&root, "", &mut variables);
    variables
}

fn collect(command: &Command, path: &str, variables: &mut BTreeMap<String, Variable>) {
    let hidden = |arg: &&Arg| !arg.is_hide_set();
    for arg in command.get_arguments().filter(hidden) {
        let Some(name) = arg.get_env() else { continue };
        let variable = variables
            .entry(name.to_str().unwrap().to_owned())
            .or_insert_with(|| Variable {
                heading: arg.get_help_heading().unwrap_or("Of single commands").to_owned(),
                arg: arg.clone(),
                commands: Vec::new(),
            });
        if !path.is_empty() {
            variable.commands.push(path.to_owned());
        }
    }
    for subcommand in command.get_subcommands().filter(|one| one.get_name() != "help") {
        let path = format!("{path} {}", subcommand.get_name());
        collect(subcommand, path.trim(), variables);
    }
}

fn rendered() -> String {
    let mut by_heading: BTreeMap<String, Vec<(String, Variable)>> = BTreeMap::new();
    let variables = variables();
    let commands: BTreeSet<_> = variables.values().flat_map(|one| one.commands.clone()).collect();
    for (name, variable) in variables {
        by_heading
            .entry(variable.heading.clone())
            .or_default()
            .push((name, variable));
    }
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Written from the command line's own definition by worker/tests/configuration.rs: -->\n\
         <!-- UPDATE_CONFIGURATION=1 cargo test --workspace --test configuration -->\n\n\
         Every variable is also an option; `user-import COMMAND --help` has both, and the option wins. `doctor` checks all that a\n\
         worker reads. A secret (marked *) can also stand\n\
         in a file that `VARIABLE_FILE` names, where the variable itself is not set: `SEAL_KEYS_FILE=/run/secrets/seal-keys`.\n\n\
         Besides these, workers obey the variables of OpenTelemetry's exporter and sampler; traces are sent only where\n\
         `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) says where to.\n",
    );
    for (heading, variables) in by_heading {
        write!(
            text,
            "\n## {heading}\n\n| variable | default | meaning | read by |\n| --- | --- | --- | --- |\n"
        )
        .unwrap();
        for (name, variable) in variables {
            let secret = if variable.is_secret() { " *" } else { "" };
            writeln!(
                text,
                "| `{name}`{secret} | {} | {} | {} |",
                default(&variable.arg),
                meaning(&variable.arg),
                read_by(&variable.commands, commands.len()),
            )
            .unwrap();
        }
    }
    text
}

/// How the help shows a default that is not a fixed value.
const TOLD_DEFAULT: &str = " [default: ";

fn help(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help()).unwrap();
    help.to_string().replace('\n', " ").replace('|', "\\|")
}

fn default(arg: &Arg) -> String {
    let values = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_str().unwrap());
    match values.collect::<Vec<_>>().join(",").as_str() {
        // Unset, or a switch.
        "" | "false" => match help(arg).split_once(TOLD_DEFAULT) {
            Some((_, told)) => told.trim_end_matches(']').to_owned(),
            None => String::new(),
        },
        value => format!("`{value}`"),
    }
}

fn meaning(arg: &Arg) -> String {
    let help = help(arg);
    let mut text = help.split(TOLD_DEFAULT).next().unwrap_or_default().to_owned();
    let choices: Vec<_> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !choices.is_empty() && arg.get_action().takes_values() {
        write!(text, " ({})", choices.join(", ")).unwrap();
    }
    text
}

fn read_by(commands: &[String], all: usize) -> String {
    if commands.len() >= all {
        return "all".to_owned();
    }
    let names: Vec<_> = commands.iter().map(|command| format!("`{command}`")).collect();
    names.join(", ")
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn the_reference_of_the_configuration_is_what_the_command_line_defines() {
    let path = checkout().join("deploy/CONFIGURATION.md");
    let rendered = rendered();
    if std::env::var_os("UPDATE_CONFIGURATION").is_some() {
        fs::write(&path, &rendered).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == rendered,
        "deploy/CONFIGURATION.md is out of date: run UPDATE_CONFIGURATION=1 cargo test --workspace --test configuration"
    );
}

/// The files that set variables of the program.
fn files() -> Vec<PathBuf> {
    let deploy = checkout().join("deploy");
    let mut files = vec![deploy.join("Dockerfile"), deploy.join("compose.yaml")];
    let mut folders = vec![deploy.join("kubernetes"), deploy.join("systemd")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// Words that look like a variable that is set or named: capitals with an underscore in between, outside comments.
fn variables_in(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')))
        .filter(|word| {
            word.contains('_')
                && word.starts_with(|letter: char| letter.is_ascii_uppercase())
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
        // Words of systemd and of compose.
        .filter(|word| !word.starts_with("AF_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_variable_in_what_is_deployed_is_one_that_the_program_reads() {
    let variables = variables();
    let known = |name: &str| {
        let secret = name
            .strip_suffix("_FILE")
            .and_then(|secret| variables.get(secret))
            .is_some_and(Variable::is_secret);
        secret
            || variables.contains_key(name)
            || name.starts_with(READ_BY_LIBRARIES)
            || OF_OTHERS.contains(&name)
    };
    let mut seen = BTreeSet::new();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        for name in variables_in(&text) {
            assert!(
                known(&name),
                "{}: {name} is not a variable of the program",
                file.display()
            );
            seen.insert(name);
        }
    }
    // What a worker cannot do without is set everywhere; if it were not found, nothing would have been checked.
    for required in ["DATABASE_URL", "AMQP_URL", "S3_ENDPOINT", "SEAL_KEYS"] {
        assert!(
            seen.contains(required),
            "{required} is not found in any file of deploy"
        );
        assert!(variables.contains_key(required), "{required}");
    }
    for secret in [
        "DATABASE_URL_FILE",
        "OPERATOR_DATABASE_URL_FILE",
        "SEAL_KEYS_FILE",
    ] {
        assert!(
            seen.contains(secret),
            "{secret} is not found in any file of deploy"
        );
    }
}

#[test]
fn what_workers_are_scaled_by_is_a_metric_that_they_tell() {
    let metrics = worker::telemetry::metrics::Metrics::new("w1").unwrap();
    let text = metrics.text(Some(&worker::db::Backlog::default())).unwrap();
    let text = String::from_utf8(text).unwrap();
    let scaling =
        fs::read_to_string(checkout().join("deploy/kubernetes/scaling/scaled-object.yaml")).unwrap();
    let (_, query) = scaling.split_once("query: max(").unwrap();
    let (metric, _) = query.split_once('{').unwrap();
    assert!(
        text.lines().any(|line| line.starts_with(&format!("{metric} "))),
        "{metric} is not a metric"
    );
}

#[test]
fn images_are_deployed_in_the_version_of_the_program() {
    let version = env!("CARGO_PKG_VERSION");
    for (file, line) in [
        ("Dockerfile", format!("--tag user-import:{version} .")),
        ("compose.yaml", format!("image: user-import:{version}\n")),
        ("kubernetes/kustomization.yaml", format!("newTag: {version}\n")),
        (
            "kubernetes/migrate/kustomization.yaml",
            format!("newTag: {version}\n"),
        ),
    ] {
        let text = fs::read_to_string(checkout().join("deploy").join(file)).unwrap();
        assert!(text.contains(&line), "deploy/{file} does not contain {line:?}");
    }
}

#[test]
fn the_roles_that_migrations_make_are_there_before() {
    // The owner of the database may not create roles: a superuser does, with this script.
    let roles = fs::read_to_string(checkout().join("deploy/postgres/roles.sql")).unwrap();
    let wanted = roles
        .split("(VALUES")
        .nth(1)
        .unwrap()
        .split(" AS wanted")
        .next()
        .unwrap();
    let may_connect = roles.split("GRANT CONNECT").nth(1).unwrap();
    let mut made = BTreeSet::new();
    for migration in fs::read_dir(checkout().join("migrations")).unwrap() {
        let text = fs::read_to_string(migration.unwrap().path()).unwrap();
        let names = text
            .split("CREATE ROLE ")
            .skip(1)
            .filter_map(|rest| rest.split_whitespace().next());
        made.extend(names.map(str::to_owned));
    }
    assert!(made.contains("user_import_reader"), "{made:?}");
    for role in made {
        assert!(wanted.contains(&format!("'{role}'")), "{role} is not made");
        assert!(may_connect.contains(&role), "{role} may not connect");
    }
}
