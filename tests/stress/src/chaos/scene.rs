//! Workers, and the ways to their servers: what faults are done to.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use kit::{Fault, Proxy, Ways, variable};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
};

use crate::{
    checks::queues,
    faults::{Kind, Planned},
};

/// What a delayed connection adds to each piece.
const DELAY: Duration = Duration::from_millis(150);

/// A worker has this long to end after SIGTERM: its own grace period, and what the servers' faults add.
const END: Duration = Duration::from_secs(45);

/// What `deploy/local/chaos` gives.
#[derive(Debug, clap::Args)]
pub(crate) struct Tools {
    /// The command that restarts a server, called as `COMMAND postgres KILL`
    #[arg(long, env = "CHAOS_RESTART", value_name = "PATH", hide = true)]
    restart: PathBuf,
    /// Asks the broker's node
    #[arg(long, env = "CHAOS_RABBITMQCTL", value_name = "PATH", hide = true)]
    rabbitmqctl: PathBuf,
    /// The program `user-import`
    #[arg(long, env = "CHAOS_USER_IMPORT", value_name = "PATH", hide = true)]
    user_import: PathBuf,
    /// Where workers log
    #[arg(long, env = "CHAOS_LOG", value_name = "PATH", hide = true)]
    log: PathBuf,
}

pub(crate) struct Scene {
    tools: Tools,
    ways: Ways,
    // Locked for as long as a fault is done to the worker.
    workers: Vec<Mutex<Child>>,
    // One server restarts at a time.
    restarting: Mutex<()>,
    // When the broker had forgotten everything and was back, the last time.
    wiped: std::sync::Mutex<Option<Instant>>,
}

impl Scene {
    pub(crate) async fn set(tools: Tools, workers: usize) -> anyhow::Result<Self> {
        let mut scene = Self {
            tools,
            ways: Ways::before(variable).await,
            workers: Vec::new(),
            restarting: Mutex::new(()),
            wiped: std::sync::Mutex::new(None),
        };
        for _ in 0..workers.max(1) {
            let worker = scene.start(&scene.tools.user_import)?;
            scene.workers.push(Mutex::new(worker));
        }
        Ok(scene)
    }

    fn start(&self, program: &Path) -> anyhow::Result<Child> {
        let mut log = std::fs::File::options();
        let log = log.append(true).create(true).open(&self.tools.log)?;
        Command::new(program)
            .arg("work")
            .envs(self.ways.variables())
            // Hashes are cheap and the sweep is quick, so that much happens in little time; but no quicker than a dead
            // connection is detected, whose messages would otherwise seem lost.
            .env("ARGON2_MEMORY_KIB", "4096")
            .env("ARGON2_PASSES", "1")
            .env("ARGON2_ALLOW_WEAK", "true")
            .env("SWEEP_SECONDS", "12")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("a worker does not start")
    }

    /// Applies a fault, and undoes it when its time is up.
    pub(crate) async fn act(&self, fault: Planned) -> anyhow::Result<()> {
        let lasts = fault.lasts;
        match fault.kind {
            Kind::WorkerKilled => self.restart_worker(fault, "KILL").await,
            Kind::WorkerTerminated => self.restart_worker(fault, "TERM").await,
            Kind::WorkerStopped => {
                let mut worker = self.worker(fault.which)?.lock().await;
                send(&mut worker, "STOP").await?;
                tokio::time::sleep(lasts).await;
                send(&mut worker, "CONT").await
            }
            Kind::DatabaseCut => during(&self.ways.database, Fault::Cut, lasts).await,
            Kind::DatabaseDelayed => during(&self.ways.database, Fault::Delay(DELAY), lasts).await,
            Kind::DatabaseSilent => during(&self.ways.database, Fault::Silence, lasts).await,
            Kind::BrokerCut => self.cut_broker(lasts).await,
            Kind::BrokerDelayed => during(&self.ways.broker, Fault::Delay(DELAY), lasts).await,
            Kind::BrokerSilent => during(&self.ways.broker, Fault::Silence, lasts).await,
            Kind::BrokerBlocked => {
                // A broker that is restarted in the meantime would take messages again.
                let _alone = self.restarting.lock().await;
                self.block().await?;
                tokio::time::sleep(lasts).await;
                self.unblock().await
            }
            Kind::StorageCut => during(&self.ways.storage, Fault::Cut, lasts).await,
            Kind::StorageDelayed => during(&self.ways.storage, Fault::Delay(DELAY), lasts).await,
            Kind::StorageAnswers500 => during(&self.ways.storage, Fault::Answer(500), lasts).await,
            Kind::StorageAnswers503 => during(&self.ways.storage, Fault::Answer(503), lasts).await,
            Kind::QueuePurged => {
                // Should the broker be away just now, there is nothing to purge.
                let _ = purge(fault.which).await;
                Ok(())
            }
            Kind::BrokerRestarted => self.restart("rabbitmq", fault, &[]).await,
            Kind::DatabaseRestarted => self.restart("postgres", fault, &[]).await,
            Kind::BrokerWiped => {
                let restarted = self.restart("rabbitmq", fault, &["--wipe"]).await;
                *self.wiped.lock().expect("the time") = Some(Instant::now());
                restarted
            }
        }
    }

    /// Lets the broker take no more messages, as one that is short of memory.
    async fn block(&self) -> anyhow::Result<()> {
        self.limit_memory(&["0"]).await
    }

    /// The limit of `deploy/local`.
    async fn unblock(&self) -> anyhow::Result<()> {
        self.limit_memory(&["absolute", "1GB"]).await
    }

    async fn limit_memory(&self, limit: &[&str]) -> anyhow::Result<()> {
        let limited = Command::new(&self.tools.rabbitmqctl)
            .args(["--quiet", "set_vm_memory_high_watermark"])
            .args(limit)
            .status()
            .await?;
        ensure!(limited.success(), "the broker's memory could not be limited");
        Ok(())
    }

    /// Blocks publishers while workers have something to publish, until one says so: whatever waits then continues
    /// afterwards. `publish` is called once no worker can take what it publishes before the broker is blocked.
    pub(crate) async fn block_publishers(&self, publish: impl Future<Output = ()>) -> anyhow::Result<()> {
        const COMPLAINT: &str = "broker takes no messages";
        let _alone = self.restarting.lock().await;
        let before = self.logged(COMPLAINT)?;
        self.signal_all("STOP").await?;
        publish.await;
        self.block().await?;
        self.signal_all("CONT").await?;
        let complaint = async {
            while self.logged(COMPLAINT)? == before {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            anyhow::Ok(())
        };
        let heard = tokio::time::timeout(END, complaint).await;
        self.unblock().await?;
        heard.context("no worker said that the broker takes no messages")?
    }

    /// Makes the store fail while something else runs.
    pub(crate) async fn without_storage<T>(&self, meanwhile: impl Future<Output = T>) -> T {
        self.ways.storage.set(Fault::Answer(503));
        let done = meanwhile.await;
        self.ways.storage.set(Fault::None);
        done
    }

    /// Cuts the broker's connections, so that all workers reconnect.
    pub(crate) async fn cut_broker(&self, lasts: Duration) -> anyhow::Result<()> {
        during(&self.ways.broker, Fault::Cut, lasts).await
    }

    fn logged(&self, text: &str) -> anyhow::Result<usize> {
        Ok(self.log()?.matches(text).count())
    }

    /// What workers have logged.
    pub(crate) fn log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.tools.log)?)
    }

    /// The program that workers run unless they are replaced by another.
    pub(crate) fn program(&self) -> &Path {
        &self.tools.user_import
    }

    /// Sends a signal to all workers.
    pub(crate) async fn signal_all(&self, signal: &str) -> anyhow::Result<()> {
        for worker in &self.workers {
            send(&mut *worker.lock().await, signal).await?;
        }
        Ok(())
    }

    /// Whether the broker has forgotten everything since then, events included.
    pub(crate) fn wiped_since(&self, time: Instant) -> bool {
        self.wiped
            .lock()
            .expect("the time")
            .is_some_and(|wiped| wiped > time)
    }

    fn worker(&self, which: usize) -> anyhow::Result<&Mutex<Child>> {
        self.workers.get(which % self.workers.len()).context("no worker")
    }

    async fn restart_worker(&self, fault: Planned, signal: &str) -> anyhow::Result<()> {
        self.replace_worker(fault.which, signal, fault.lasts / 4, &self.tools.user_import)
            .await
    }

    /// Ends a worker, and after a pause starts one of this program in its place.
    pub(crate) async fn replace_worker(
        &self,
        which: usize,
        signal: &str,
        pause: Duration,
        program: &Path,
    ) -> anyhow::Result<()> {
        let mut worker = self.worker(which)?.lock().await;
        send(&mut worker, signal).await?;
        let ended = tokio::time::timeout(END, worker.wait()).await;
        let status = ended.context("a worker did not end after SIGTERM")??;
        ensure!(
            signal != "TERM" || status.success(),
            "a worker that was told to stop ended with {status}"
        );
        tokio::time::sleep(pause).await;
        *worker = self.start(program)?;
        Ok(())
    }

    /// Stops a server, every other time without a warning, and starts it again.
    async fn restart(&self, server: &str, fault: Planned, options: &[&str]) -> anyhow::Result<()> {
        let _alone = self.restarting.lock().await;
        let signal = match (server, fault.which % 2) {
            (_, 0) => "KILL",
            ("postgres", _) => "INT",
            _ => "TERM",
        };
        let restarted = Command::new(&self.tools.restart)
            .args([server, signal])
            .args(options)
            .status()
            .await?;
        ensure!(restarted.success(), "{server} could not be restarted");
        Ok(())
    }

    /// Ends all faults of the ways.
    pub(crate) fn heal(&self) {
        self.ways.set(Fault::None);
    }

    /// Ends all workers, and says which did not do as they were told.
    pub(crate) async fn close(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        for worker in &self.workers {
            let mut worker = worker.lock().await;
            let ended = async {
                send(&mut worker, "TERM").await?;
                Ok::<_, anyhow::Error>(tokio::time::timeout(END, worker.wait()).await??)
            };
            match ended.await {
                Ok(status) if status.success() => {}
                Ok(status) => troubles.push(format!("a worker ended with {status}")),
                Err(error) => troubles.push(format!("a worker did not end: {error:#}")),
            }
        }
        troubles
    }
}

async fn during(proxy: &Proxy, fault: Fault, lasts: Duration) -> anyhow::Result<()> {
    proxy.set(fault);
    tokio::time::sleep(lasts).await;
    proxy.set(Fault::None);
    Ok(())
}

/// Sends a signal to a worker, which must not have ended by itself.
async fn send(worker: &mut Child, signal: &str) -> anyhow::Result<()> {
    if let Some(status) = worker.try_wait()? {
        anyhow::bail!("a worker ended by itself with {status}");
    }
    let pid = worker.id().context("a worker without a process")?.to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status().await?;
    ensure!(sent.success(), "signal {signal} could not be sent");
    Ok(())
}

/// Empties a queue of work: what waits for the Dialer and for operators is not the workers' to recover.
async fn purge(which: usize) -> anyhow::Result<()> {
    let queues = queues().await?;
    let of_work = queues.of_work();
    let queue = of_work.get(which % of_work.len()).context("no queue")?;
    Ok(queues.purge(queue.clone()).await?)
}
