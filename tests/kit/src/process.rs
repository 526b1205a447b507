//! The program `user-import` as it runs in production: as a process.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::Value;

use crate::{DEADLINE, World, eventually};

/// Secrets of the owner, the operators, the console and the Dialer: a worker does not get what it does not need.
const OTHERS_SECRETS: [&str; 6] = [
    "MIGRATE_DATABASE_URL",
    "OPERATOR_DATABASE_URL",
    "CONSOLE_DATABASE_URL",
    "CONSOLE_KEYS",
    "AMQP_ADMIN_URL",
    "DIALER_AMQP_URL",
];

/// A running `user-import work`; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
}

impl Worker {
    /// Starts a worker in the world, with these variables in addition to those of every test.
    pub fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        Self::spawn(world, Command::new(built("user-import")), variables)
    }

    /// The same on one core alone.
    pub fn start_on_core(world: &World, core: usize, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("taskset");
        command
            .args(["--cpu-list", &core.to_string()])
            .arg(built("user-import"));
        Self::spawn(world, command, variables)
    }

    fn spawn(world: &World, mut command: Command, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(world.log());
        command.arg("work").envs(world.variables());
        for other in OTHERS_SECRETS {
            command.env_remove(other);
        }
        let child = command
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log.expect("the log"))
            .spawn()
            .expect("the worker starts");
        Self { child }
    }

    /// Its process ID.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: the process ends at once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        self.child.kill().expect("the worker is killed");
        self.child.wait().expect("the worker has ended");
    }

    /// Waits until the worker has ended by itself.
    pub async fn died(mut self) -> ExitStatus {
        eventually("the worker's end", async || {
            self.child.try_wait().expect("the worker's state")
        })
        .await
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// SIGTERM, and how the process ends.
    pub async fn terminate(self) -> ExitStatus {
        self.send("TERM");
        self.died().await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It has ended already, if the test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a command ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub error: String,
}

impl Ran {
    /// Standard output, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl World {
    /// The program `user-import`, with the world's servers in its environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(built("user-import"));
        command
            .envs(self.variables())
            .env("USER", "olga")
            .env("NO_COLOR", "1");
        command
    }

    /// Runs `user-import` with these arguments, as the operator Olga.
    pub async fn user_import(&self, arguments: &[&str]) -> Ran {
        self.user_import_with(&[], arguments).await
    }

    /// The same with these variables in the environment.
    pub async fn user_import_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = tokio::process::Command::from(self.command());
        command
            .args(arguments)
            .envs(variables.iter().copied())
            .kill_on_drop(true);
        let output = tokio::time::timeout(DEADLINE, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("{arguments:?} with {variables:?} does not end"));
        let output = output.expect("user-import runs");
        let text = |bytes: &[u8]| str::from_utf8(bytes).expect("text in UTF-8").to_owned();
        Ran {
            code: output.status.code(),
            out: text(&output.stdout),
            error: text(&output.stderr),
        }
    }

    /// What `user-import` prints with `--json`; it must end with this exit code.
    pub async fn json_of(&self, arguments: &[&str], code: i32) -> Value {
        let ran = self.user_import(&[arguments, &["--json"]].concat()).await;
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        ran.json()
    }

    /// The audit trail: command, operator and reason of each change.
    pub async fn audited(&self) -> Vec<(String, String, Option<String>)> {
        self.rows("SELECT command, operator, reason FROM imports.audit ORDER BY audit_id")
            .await
    }

    /// The changes in the audit trail, by their commands.
    pub async fn audited_commands(&self) -> Vec<String> {
        self.values("SELECT command FROM imports.audit ORDER BY audit_id")
            .await
    }

    /// Where workers write their log.
    pub(crate) fn log(&self) -> PathBuf {
        self.scratch().join("workers.log")
    }

    /// What workers have logged so far.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Waits until a worker has logged this.
    pub async fn until_logged(&self, text: &str) {
        eventually(text, async || self.logged().contains(text).then_some(())).await;
    }
}

/// A program of this workspace: cargo puts it beside other programs, and beside the folder of the test programs.
pub fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    this.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("{name} is not built: use the commands of deploy/local"))
}
