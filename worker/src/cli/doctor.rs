//! `user-import doctor`.

mod clock;
mod database;
mod environment;
mod http;
mod lock_down;
mod management;
mod purge;
mod seals;
mod storage;

use std::process::ExitCode;

use self::clock::{Clock, clocks};
use super::operator::show;
use crate::{
    broker,
    checks::{self, Check, Verdict},
    words::counted,
};

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at what a worker would find in this environment: configuration, database (role, permissions, schema, clock),
broker (exchanges, queues, shards, permissions, whether it takes messages), object storage (writes, reads and deletes
a small object under tenants/0/), the seal keys of all open imports, and whether all clocks agree. It reads the same
environment variables as `work` and changes nothing.

What AMQP does not report (alarms, blocked connections, delivery limits, replicas) is read from RabbitMQ's management
API: RABBITMQ_API_URL=http://USER:PASSWORD@HOST:15672, with a user that has the tag `monitoring`. Without it, these are
unchecked.

Exit codes: 0 nothing failed (there may be warnings); 1 something failed; 2 usage.")]
pub(super) struct Args {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    management: management::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let checks = all(&args.management).await;
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let unchecked = count(Verdict::Unchecked);
    let mut lines: Vec<String> = checks.iter().map(Check::text).collect();
    lines.push(format!(
        "{}: {failed} failed, {}, {unchecked} unchecked",
        counted(checks.len(), "check"),
        counted(warnings, "warning"),
    ));
    let value = serde_json::json!({
        "checks": checks, "failed": failed, "warnings": warnings, "unchecked": unchecked,
    });
    show(args.json, &value, &lines.join("\n"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All checks, in the order in which they depend on each other.
async fn all(api: &management::Options) -> Vec<Check> {
    let mut checks = vec![environment::configuration(), environment::encryption()];
    let (database, operators, broker, management, storage) = tokio::join!(
        database::database(),
        database::operators_database(),
        broker(),
        management::management(api),
        storage::storage(),
    );
    // Not alongside the others, which would delay the answers.
    let (database_clock, broker_clock, storage_clock) = tokio::join!(
        Clock::ask("the database", database::time()),
        Clock::ask("the broker", management::time(api)),
        Clock::ask("the object storage", storage::time()),
    );
    let servers = [database_clock, broker_clock, storage_clock];
    checks.extend(database);
    checks.extend(operators);
    checks.extend(broker);
    checks.extend(management);
    checks.extend(storage);
    checks.extend(clocks(&servers.into_iter().flatten().collect::<Vec<_>>()));
    checks
}

/// The broker of this environment.
async fn broker() -> Vec<Check> {
    match environment::from_environment::<broker::Options>() {
        Ok(options) => checks::broker(&options).await,
        Err(error) => vec![Check::failed("broker", error, "set AMQP_URL")],
    }
}
