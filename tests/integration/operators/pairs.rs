//! Every pair of what has become of an import and what an operator does then: what was cancelled stays so, nothing is made
//! twice, no password is lost unasked. The table is `pairs.txt`.

use std::fmt::Write as _;

use futures::{StreamExt, stream};
use kit::{Tenant, Worker, World, eventually, in_world, variable};
use serde_json::{Value, json};
use uuid::Uuid;
use worker::{
    db::Audit,
    message::{DeadLetter, DeadReason, Subject, TaskKind},
    operate::{self, ReplayOptions},
    steps::Context,
};

use super::cancel_and_replay::{id, json_of, run};
use crate::faults::redelivery::{self, planned, receive, rows};

/// Four rows that become users, two of them with the first batch; one whose role is not there yet.
const FILE: &str = "Username,Email,Virtual Extension,Role\n\
    a,a@x.org,2001,10\nb,b@x.org,2002,10\nc,c@x.org,2003,10\nd,d@x.org,2004,10\ne,e@x.org,2005,17\n";

/// The last row has a surplus cell, which is not kept: no replay can create it.
const SURPLUS: &str = "Username,Email,Virtual Extension,Role\na,a@x.org,2001,10\nb,b@x.org,2002,10,surplus\n";

const SITUATIONS: [&str; 16] = [
    "received",
    "running",
    "running, cancelled",
    "cancelled",
    "cancelled before it was read",
    "cancelled, its report failed",
    "cancelled, rows purged",
    "failed",
    "failed before it was read",
    "failed, dead letter discarded",
    "failed, replayed",
    "failed, seal key lost",
    "failed, seed destroyed",
    "completed",
    "completed, only surplus cells refused",
    "rejected as object_missing, which has come",
];

const COMMANDS: [&str; 9] = [
    "cancel --yes",
    "replay",
    "replay --errors",
    "replay --cancelled --yes",
    "replay --abandon-passwords --yes",
    "dead replay",
    "dead discard --yes",
    "purge --yes",
    "the job published again",
];

/// What a situation is made with: workers' tools, and the same with another key in the place of the right one.
struct Makers {
    tools: Context,
    strange: Context,
    audit: Audit,
}

impl Makers {
    fn new(world: &World) -> Self {
        let mut strange = world.tools();
        let keys = variable("SEAL_KEYS");
        let (key_id, _) = keys.split_once(':').unwrap();
        strange.seals = format!("{key_id}:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
            .parse()
            .unwrap();
        Self {
            tools: world.tools(),
            strange,
            audit: Audit {
                command: "test",
                operator: "olga".to_owned(),
                reason: None,
            },
        }
    }

    async fn cancel(&self, job: &Value) {
        operate::cancel(&self.tools.db, import_id(job), &self.audit)
            .await
            .unwrap();
    }

    /// Sets a message of the import aside, as a worker does: the import fails.
    async fn fail(&self, job: &Value, origin: &str, message: &Value) {
        let body = message.to_string().into_bytes();
        let letter = DeadLetter {
            reason: DeadReason::RetriesExhausted,
            error: Some("the storage was away".to_owned()),
            origin: origin.to_owned(),
            retry_count: 16,
            message_id: None,
            subject: Subject::of(&body),
            size_bytes: body.len(),
            body,
        };
        let failing = Subject::of(job.to_string().as_bytes());
        self.tools.db.set_aside(&letter, failing).await.unwrap();
    }

    async fn make(&self, world: &World, tenant: Tenant, situation: &str) -> Value {
        let csv = if situation.contains("surplus") {
            SURPLUS
        } else {
            FILE
        };
        let job = world.upload(tenant, csv).await;
        let due =
            json!({ "version": 1, "import_id": job["import_id"], "tenant_id": tenant.id, "attempt": 1 });
        let batch = |first: u32, last: u32| {
            let mut batch = due.clone();
            batch["first_row"] = json!(first);
            batch["last_row"] = json!(last);
            batch
        };
        let tools = match situation {
            "failed, seal key lost" => &self.strange,
            _ => &self.tools,
        };
        if situation.starts_with("rejected") {
            let mut later = job.clone();
            later["source"]["key"] = json!(format!("tenants/{}/uploads/late.csv", tenant.id));
            planned(tools, &later).await;
            kit::storage()
                .put(later["source"]["key"].as_str().unwrap(), FILE.into(), "text/csv")
                .await
                .unwrap();
            return later;
        }
        if situation == "received" || situation.contains("before it was read") {
            receive(tools, job.to_string().as_bytes()).await.unwrap();
        } else {
            planned(tools, &job).await;
            rows(tools, batch(1, 2).to_string().as_bytes()).await.unwrap();
        }
        let report = async || redelivery::run(tools, TaskKind::Report, due.to_string().as_bytes()).await;
        match situation {
            "received" | "running" => {}
            "running, cancelled" | "cancelled before it was read" => self.cancel(&job).await,
            "cancelled" | "cancelled, rows purged" => {
                self.cancel(&job).await;
                report().await.unwrap();
            }
            "cancelled, its report failed" => {
                self.cancel(&job).await;
                self.fail(&job, "reports", &due).await;
            }
            "failed before it was read" => self.fail(&job, "requested", &job).await,
            "completed" | "completed, only surplus cells refused" => {
                rows(tools, batch(3, 4).to_string().as_bytes()).await.unwrap();
                report().await.unwrap();
            }
            _ => self.fail(&job, "rows.00", &batch(3, 4)).await,
        }
        match situation {
            "cancelled, rows purged" => {
                let tenant = tenant.id.to_string();
                json_of(
                    world,
                    &["purge", "--yes", "--rows-days", "0", "--tenant", &tenant],
                    0,
                )
                .await;
            }
            "failed, dead letter discarded" => {
                json_of(world, &["dead", "discard", "--yes", "--import", id(&job)], 0).await;
            }
            "failed, replayed" => {
                operate::replay(
                    &self.tools.db,
                    import_id(&job),
                    ReplayOptions::default(),
                    &self.audit,
                )
                .await
                .unwrap();
            }
            "failed, seed destroyed" => {
                sqlx::query("UPDATE imports.imports SET sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL WHERE import_id = $1")
                    .bind(import_id(&job))
                    .execute(&world.db)
                    .await
                    .unwrap();
            }
            _ => {}
        }
        job
    }
}

fn import_id(job: &Value) -> Uuid {
    id(job).parse().unwrap()
}

/// Pairs that are made, and commands that run, at one time.
const AT_ONCE: usize = 4;

/// An import in its situation, and the command that is given then.
struct Cell {
    pair: (&'static str, &'static str),
    tenant: Tenant,
    job: Value,
}

impl Cell {
    async fn make(world: &World, makers: &Makers, pair: (&'static str, &'static str)) -> Self {
        let tenant = world.tenant().await;
        let job = makers.make(world, tenant, pair.0).await;
        // What the last row was refused for is mended.
        sqlx::query("INSERT INTO dialer.roles (tenant_id, role_id, name) VALUES ($1, 17, 'New')")
            .bind(tenant.id.get())
            .execute(&world.db)
            .await
            .unwrap();
        Self { pair, tenant, job }
    }

    /// Gives the command, and returns its exit code.
    async fn give(&self, world: &World) -> i32 {
        let (_, command) = self.pair;
        if command.starts_with("the job") {
            world.publish(&self.job).await;
            return 0;
        }
        let tenant = self.tenant.id.to_string();
        let mut arguments: Vec<&str> = command.split(' ').collect();
        match arguments[0] {
            "dead" => arguments.extend(["--import", id(&self.job)]),
            "purge" => {
                for days in ["--success-days", "--rows-days", "--imports-days", "--dead-days"] {
                    arguments.extend([days, "0"]);
                }
                arguments.extend(["--tenant", &tenant]);
            }
            _ => arguments.push(id(&self.job)),
        }
        run(world, &arguments).await.status.code().unwrap()
    }

    /// What has become of the import: counts of the tenant's users, of the passwords in its reports, of its rows.
    async fn outcome(&self, world: &World) -> String {
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users WHERE tenant_id = $1")
            .bind(self.tenant.id.get())
            .fetch_one(&world.db)
            .await
            .unwrap();
        let import: Option<(String, i32, i32, i32)> = sqlx::query_as(
            "SELECT state, attempt, duplicates + errors, cancelled FROM imports.imports WHERE import_id = $1",
        )
        .bind(import_id(&self.job))
        .fetch_optional(&world.db)
        .await
        .unwrap();
        let Some((state, attempt, refused, cancelled)) = import else {
            return format!("gone; {users} users");
        };
        let mut passwords = 0;
        for attempt in 1..=attempt {
            let (tenant_id, import_id) = (self.tenant.id, id(&self.job));
            let key = format!("tenants/{tenant_id}/imports/{import_id}/attempt-{attempt}/success.csv");
            let report = world.object(&key).await.unwrap_or_default();
            passwords += report
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                .saturating_sub(1);
        }
        format!(
            "{state} #{attempt}; {users} users, {passwords} passwords, {refused} refused, {cancelled} cancelled"
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_did_is_never_undone_by_what_the_next_one_does() {
    in_world(async |world| {
        let makers = Makers::new(world);
        let pairs = SITUATIONS
            .iter()
            .flat_map(|situation| COMMANDS.iter().map(move |command| (*situation, *command)));
        let cells: Vec<Cell> = stream::iter(pairs)
            .map(|pair| Cell::make(world, &makers, pair))
            .buffered(AT_ONCE)
            .collect()
            .await;
        // Every pair stands between a change of the seal key and its end; only lost seeds cannot be sealed anew.
        let ring = format!(
            "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=,{}",
            variable("SEAL_KEYS")
        );
        let mut rotate = world.command();
        rotate.args(["rotate-seals", "--json"]).env("SEAL_KEYS", &ring);
        let rotated = tokio::task::spawn_blocking(move || rotate.output().unwrap())
            .await
            .unwrap();
        let rotated: Value = serde_json::from_slice(&rotated.stdout).unwrap();
        assert_eq!(
            rotated["failed"].as_array().unwrap().len(),
            COMMANDS.len(),
            "{rotated}"
        );

        let exit_codes: Vec<i32> = stream::iter(&cells)
            .map(|cell| cell.give(world))
            .buffered(AT_ONCE)
            .collect()
            .await;
        // What no command has published, the rescue finds.
        let worker = Worker::start(world, &[("SEAL_KEYS", &ring), ("RESCUE_SECONDS", "3")]);
        eventually("the end of all imports", async || {
            let open: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM imports.imports WHERE state IN ('received', 'running')",
            )
            .fetch_one(&world.db)
            .await
            .unwrap();
            (open == 0 && world.waiting("imports.requested").await == 0).then_some(())
        })
        .await;
        assert!(worker.terminate().await.success());

        let mut table = String::new();
        for (cell, code) in cells.iter().zip(exit_codes) {
            let (situation, command) = cell.pair;
            if command == COMMANDS[0] {
                writeln!(table, "{situation}").unwrap();
            }
            writeln!(table, "    {command:<34}{code}  {}", cell.outcome(world).await).unwrap();
        }
        let expected = include_str!("pairs.txt");
        let (_legend, expected) = expected.split_once("\n\n").unwrap();
        assert_eq!(table, expected);
    })
    .await;
}
