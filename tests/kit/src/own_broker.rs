//! A broker that belongs to one test alone, to be broken: all other tests share one.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tokio::task::spawn_blocking;

/// A running RabbitMQ; ends when dropped.
#[derive(Debug)]
pub struct OwnBroker {
    state: PathBuf,
    variables: Vec<(String, String)>,
}

impl OwnBroker {
    /// Starts one, with its state in this folder.
    pub async fn start(state: &Path) -> Self {
        Self::run(state.to_owned(), None).await
    }

    /// Starts a second node of this broker.
    pub async fn second_node(&self, state: &Path) -> Self {
        Self::run(state.to_owned(), Some(self.state.clone())).await
    }

    async fn run(state: PathBuf, joined: Option<PathBuf>) -> Self {
        let mut command = command("lib/broker", &state);
        command.args(joined);
        let output = finished(command).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let variables = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { state, variables }
    }

    /// Its `AMQP_URL`, `AMQP_ADMIN_URL` and `RABBITMQ_API_URL`.
    pub fn variables(&self) -> Vec<(&str, &str)> {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// One of them.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.variables.iter().find(|(own, _)| own == name);
        &found.expect("a variable of the broker").1
    }

    /// Runs `rabbitmqctl`.
    pub async fn control(&self, arguments: &[&str]) {
        let mut command = command("lib/rabbitmqctl", &self.state);
        command.args(arguments);
        finished(command).await;
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        let ended = command("down", &self.state).arg("--wipe").output();
        if !ended.is_ok_and(|output| output.status.success()) {
            eprintln!("the broker in {} may still run", self.state.display());
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
