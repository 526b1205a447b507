//! A server that belongs to one test alone, to be broken: all other tests share one of each kind.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tokio::task::spawn_blocking;

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct OwnServer {
    state: PathBuf,
    variables: Vec<(String, String)>,
}

impl OwnServer {
    /// Starts a RabbitMQ with its state in this folder.
    pub async fn broker(state: &Path) -> Self {
        Self::start(state, command("lib/broker", state)).await
    }

    /// Starts a second node of this RabbitMQ.
    pub async fn second_node(&self, state: &Path) -> Self {
        let mut joining = command("lib/broker", state);
        joining.arg(&self.state);
        Self::start(state, joining).await
    }

    /// Starts a PostgreSQL that does not accept connections yet.
    pub async fn standby(state: &Path) -> Self {
        Self::start(state, command("lib/standby", state)).await
    }

    async fn start(state: &Path, command: Command) -> Self {
        let output = finished(command).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let variables = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self {
            state: state.to_owned(),
            variables,
        }
    }

    /// Its URLs: `AMQP_URL`, `AMQP_ADMIN_URL` and `RABBITMQ_API_URL`, or `DATABASE_URL`.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// One of them.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(own, _)| own == name);
        &found.expect("a variable of the server").1
    }

    /// Runs `rabbitmqctl`.
    pub async fn control(&self, arguments: &[&str]) {
        let mut command = command("lib/rabbitmqctl", &self.state);
        command.args(arguments);
        finished(command).await;
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let stopped = command("down", &self.state).arg("--wipe").output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            eprintln!("the server in {} may still run", self.state.display());
        }
    }
}

fn command(name: &str, state: &Path) -> Command {
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local");
    let mut command = Command::new(local.join(name));
    command.env("LOCAL_STATE", state);
    command
}

async fn finished(mut command: Command) -> Output {
    let output = spawn_blocking(move || command.output().expect("it runs"))
        .await
        .expect("no panic");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output
}
