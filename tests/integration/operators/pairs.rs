//! Every pair of an import's situation and what an operator does then: what was cancelled stays cancelled, nothing is
//! created twice, no password is lost unasked. The table is `pairs.txt`.

use std::fmt::Write as _;

use futures::{StreamExt, stream};
use kit::{Tenant, Worker, World, eventually, id, in_world, variable};
use serde_json::Value;

use super::situations::{Makers, import_id};

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

/// Pairs that are made, and commands that run, at the same time.
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
        // What the last row was refused for is fixed.
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
        world.user_import(&arguments).await.code.unwrap()
    }

    /// The outcome of the import: counts of the tenant's users, of the passwords in its reports, of its rows.
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
        // Every pair is in the middle of a change of the seal key; only lost seeds cannot be resealed.
        let ring = format!(
            "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=,{}",
            variable("SEAL_KEYS")
        );
        let rotated = world
            .user_import_with(&[("SEAL_KEYS", &ring)], &["rotate-seals", "--json"])
            .await
            .json();
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
        // The rescue finds what no command has published.
        let worker = Worker::start(world, &[("SEAL_KEYS", &ring), ("RESCUE_SECONDS", "3")]);
        world
            .until("SELECT count(*) = 0 FROM imports.imports WHERE state IN ('received', 'running')")
            .await;
        eventually("the end of all jobs", async || {
            (world.waiting("imports.requested").await == 0).then_some(())
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
