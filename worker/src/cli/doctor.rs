//! `user-import doctor`.

mod broker;
mod check;
mod clock;
mod database;
mod environment;
mod imports;
mod seals;
mod storage;

use std::process::ExitCode;

use self::check::{Check, Verdict};
use super::operator::show;

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at what a worker would find in this environment: configuration, database (role, permissions, schema, clock),
broker (exchanges, queues, permissions), object storage (writes, reads and deletes a small object under tenants/0/),
and the seal keys of all open imports. It reads the same environment variables as `work` and changes nothing.

Exit codes: 0 nothing failed (there may be warnings); 1 something failed; 2 usage.")]
pub(super) struct Args {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let checks = all().await;
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let mut lines: Vec<String> = checks.iter().map(Check::text).collect();
    lines.push(format!(
        "{} checks: {failed} failed, {warnings} warnings",
        checks.len()
    ));
    let value = serde_json::json!({ "checks": checks, "failed": failed, "warnings": warnings });
    show(args.json, &value, &lines.join("\n"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All checks, in the order of what depends on what.
async fn all() -> Vec<Check> {
    let mut checks = vec![environment::configuration(), environment::encryption()];
    let (database, operators, broker, storage) = tokio::join!(
        database::database(),
        database::operators_database(),
        broker::broker(),
        storage::storage(),
    );
    checks.extend(database);
    checks.extend(operators);
    checks.extend(broker);
    checks.extend(storage);
    checks
}
