//! The worker as a process, as it runs in production.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::{World, eventually};

/// Secrets of the owner, the operators and the Dialer: what a worker does not need, it does not get.
const OTHERS_SECRETS: [&str; 4] = [
    "MIGRATE_DATABASE_URL",
    "OPERATOR_DATABASE_URL",
    "AMQP_ADMIN_URL",
    "DIALER_AMQP_URL",
];

/// A running `user-import work`; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
}

impl Worker {
    /// Starts a worker in the world, with these variables beside those of every test.
    pub fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        Self::spawn(world, program(world), variables)
    }

    /// The same on one core alone.
    pub fn start_on_core(world: &World, core: usize, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("taskset");
        command
            .args(["--cpu-list", &core.to_string()])
            .arg(built("user-import"))
            .envs(world.variables());
        Self::spawn(world, command, variables)
    }

    fn spawn(world: &World, mut command: Command, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(world.log())
            .expect("the log");
        for other in OTHERS_SECRETS {
            command.env_remove(other);
        }
        let child = command
            .arg("work")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
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

    /// Sends a signal by its name, as `TERM`.
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

/// The program `user-import`, with the world's servers in its environment.
pub(crate) fn program(world: &World) -> Command {
    let mut command = Command::new(built("user-import"));
    command.envs(world.variables());
    command
}

/// A program of this workspace: cargo puts it beside other programs, and beside the folder of the test programs.
fn built(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program's path");
    this.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|program| program.exists())
        .unwrap_or_else(|| panic!("{name} is not built: use the commands of deploy/local"))
}
