//! An upgrade under load: a newer program migrates the database and declares the topology while the workers of an older
//! one are busy, then its workers take their places, one after the other. No import may fail in the meantime, and no
//! message may be lost, not even if it is recovered later.

use std::{
    io::Write,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::future::join_all;
use kit::{Dialer, storage};
use rand::{RngExt, rngs::ChaCha8Rng};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::process::Command;

use crate::{
    Outcome, SETTLE, TENANTS, checks,
    imports::{self, Import, Kind},
    scene::Scene,
};

/// Imports under way whenever something is changed, so that the newer program takes messages of the older one.
const UNDER_WAY: usize = 30;

/// Imports that are finished between two changes: each state of the upgrade is seen at work.
const FINISHED_BETWEEN: usize = 5;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Rows of an import that is to be cancelled: some batches are left after the first one.
const ROWS_TO_CANCEL: usize = 500;

/// A cancellation may fail, see [`Upgrade::cancel_one`]; then another import is cancelled.
const MOST_CANCELLATIONS: usize = 10;

/// What a worker logs when something is wrong with it, or with the other program's queues; everything it logs as an error, too.
const COMPLAINTS: [&str; 4] = ["PRECONDITION_FAILED", "panic", "messages were lost", "ERROR"];

pub(crate) struct Upgrade<'a> {
    pub(crate) db: &'a PgPool,
    pub(crate) scene: &'a Scene,
    pub(crate) dialer: &'a Dialer,
    pub(crate) first_tenant: i64,
    pub(crate) random: ChaCha8Rng,
    pub(crate) imports: Vec<Import>,
}

impl Upgrade<'_> {
    /// Upgrades, and waits until every import is finished.
    pub(crate) async fn run(mut self, newer: &Path) -> anyhow::Result<Outcome> {
        let mut troubles = Vec::new();
        if let Err(error) = self.upgrade(newer).await {
            writeln!(std::io::stderr(), "the upgrade ended early: {error:#}")?;
            troubles.push(format!("{error:#}"));
        }
        let begun = Instant::now();
        // Where the upgrade ended early, queues of the newer program may be missing.
        while !matches!(checks::settled(&self.imports, self.dialer).await, Ok(true))
            && begun.elapsed() < SETTLE
        {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        troubles.extend(complaints(&self.scene.log()?));
        Ok(Outcome {
            imports: self.imports,
            troubles,
            settled: begun.elapsed(),
        })
    }

    /// Lets the newer program take the place of the older one, under load.
    async fn upgrade(&mut self, newer: &Path) -> anyhow::Result<()> {
        let older = self.scene.program();
        self.work().await?;
        let retried = "SELECT count(*) > 0 FROM imports.imports WHERE tries > 0".to_owned();
        self.scene.without_storage(self.until(retried)).await?;
        let cancelled = self.cancel_one(older).await?;
        self.work().await?;
        let by_older = self.finished();

        // A newer worker that starts too early waits for the migration, if there is any.
        self.replace_worker(2, "TERM", newer).await?;
        self.work().await?;
        operate(newer, &["migrate"]).await?;
        operate(newer, &["topology"]).await?;
        // An older worker that starts now, and all that reconnect, meet what the newer program has made.
        self.replace_worker(0, "KILL", older).await?;
        self.scene.cut_broker(Duration::from_millis(500)).await?;
        self.work().await?;

        self.replay(newer, cancelled).await?;
        self.replace_worker(0, "TERM", newer).await?;
        self.work().await?;
        let by_both = self.finished();
        self.replace_worker(1, "KILL", newer).await?;
        self.work().await?;
        operate(newer, &["topology", "--retire-old"]).await?;
        self.work().await?;
        writeln!(
            std::io::stderr(),
            "{by_older} imports were finished by the older program, {} while both worked, {} or more by the newer one",
            by_both - by_older,
            self.finished() - by_both,
        )?;
        Ok(())
    }

    async fn replace_worker(&self, which: usize, signal: &str, program: &Path) -> anyhow::Result<()> {
        self.scene
            .replace_worker(which, signal, Duration::ZERO, program)
            .await
    }

    /// Waits until some more imports are finished; leaves many under way.
    async fn work(&mut self) -> anyhow::Result<()> {
        self.publish_more().await?;
        let begun = Instant::now();
        let goal = self.finished() + FINISHED_BETWEEN;
        while self.finished() < goal {
            ensure!(begun.elapsed() < PATIENCE, "no {goal} imports are finished");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.publish_more().await
    }

    fn finished(&self) -> usize {
        self.dialer.answers().len()
    }

    /// Publishes together what is missing, because workers may finish one import in the time in which another is published.
    async fn publish_more(&mut self) -> anyhow::Result<()> {
        let known = self.imports.len();
        while self.imports.len() < self.finished() + UNDER_WAY {
            let rows = self.random.random_range(imports::ROWS);
            self.upload(rows).await?;
        }
        let jobs = self.imports[known..]
            .iter()
            .map(|import| imports::publish(self.dialer, &import.job));
        join_all(jobs).await;
        Ok(())
    }

    async fn upload(&mut self, rows: usize) -> anyhow::Result<usize> {
        let tenant_id = self.first_tenant + self.random.random_range(0..TENANTS);
        let number = self.imports.len();
        let import = imports::upload(&storage(), &mut self.random, number, rows, tenant_id).await?;
        self.imports.push(import);
        Ok(number)
    }

    /// Cancels an import of which some users are created, and some are not.
    async fn cancel_one(&mut self, program: &Path) -> anyhow::Result<usize> {
        for _ in 0..MOST_CANCELLATIONS {
            let number = self.upload(ROWS_TO_CANCEL).await?;
            let import = &self.imports[number];
            imports::publish(self.dialer, &import.job).await;
            if import.kind != Kind::Import {
                continue;
            }
            let some_created = "SELECT created > 0 FROM imports.imports WHERE import_id";
            self.until(format!("{some_created} = '{}'", import.id)).await?;
            // Else it could be finished before the command has started.
            self.scene.signal_all("STOP").await?;
            let cancelled = operate(program, &["cancel", &import.id.to_string(), "--yes"]).await;
            self.scene.signal_all("CONT").await?;
            // Not if it was finished all the same, or a worker was stopped while it held the tenant's lock.
            if cancelled.is_ok() {
                self.imports[number].attempts = 2;
                return Ok(number);
            }
        }
        anyhow::bail!("no import could be cancelled in time")
    }

    /// Waits until the database says so.
    async fn until(&self, question: String) -> anyhow::Result<()> {
        let begun = Instant::now();
        let ask = async || {
            let asked = sqlx::query_scalar(AssertSqlSafe(question.clone())).fetch_optional(self.db);
            anyhow::Ok(asked.await? == Some(true))
        };
        while !ask().await? {
            ensure!(begun.elapsed() < PATIENCE, "{question}: not yet");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Replays the cancelled import.
    async fn replay(&self, program: &Path, number: usize) -> anyhow::Result<()> {
        let import_id = self.imports[number].id;
        let is_cancelled = "SELECT state = 'cancelled' FROM imports.imports WHERE import_id";
        self.until(format!("{is_cancelled} = '{import_id}'")).await?;
        operate(
            program,
            &["replay", &import_id.to_string(), "--cancelled", "--yes"],
        )
        .await
    }
}

/// Runs a command for operators.
async fn operate(program: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| program.display().to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{arguments:?}: {}: {said}",
        output.status
    );
    Ok(())
}

/// What workers have logged that none logs in an upgrade. The load has malformed jobs, of which they do complain.
fn complaints(log: &str) -> Vec<String> {
    log.lines()
        .filter(|line| COMPLAINTS.iter().any(|complaint| line.contains(complaint)))
        .filter(|line| !line.contains("malformed"))
        .map(|line| format!("a worker logged: {line}"))
        .collect()
}
