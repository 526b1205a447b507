//! The worker as a process, as it runs in production.

use std::{
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
};

use crate::{World, eventually};

/// A running `user-import work`; killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
}

impl Worker {
    /// Starts a worker in the world, with these variables beside those of every test.
    pub fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(world.log())
            .expect("the log");
        let child = program(world)
            .arg("work")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the worker starts");
        Self { child }
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

    /// SIGTERM, and how the process ends.
    pub async fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", "TERM", &pid])
                .status()
                .expect("kill runs")
                .success()
        );
        eventually("the worker's end", async || {
            self.child.try_wait().expect("the worker's state")
        })
        .await
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

/// A program of this workspace: cargo puts it beside the folder of the test programs.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test program's path");
    let folder = test
        .parent()
        .and_then(std::path::Path::parent)
        .expect("the target folder");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is not built: run the tests with deploy/local/test",
        program.display()
    );
    program
}
