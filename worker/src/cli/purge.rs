//! `user-import purge`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use shared::contract::Id;

use super::{
    list::tenant,
    operator::{By, confirmed, not_confirmed, show},
    words::counted,
};
use crate::{
    db::{self, Db},
    operate::{Purge, Retention},
    secret::Secret,
    storage::{self, Storage},
};

/// Options of `purge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What goes, counted from the day an import was finished:
  success CSVs (they hold passwords)            after --success-days
  rows and error CSVs (they hold personal data) after --rows-days; then no replay
                                                is possible any more
  the import itself, with its counters          after --imports-days; its ID stays known as purged,
                                                and names no other import
Dead letters go --dead-days after they were replayed or discarded. Imports that are under way or
failed and dead letters that are open are never touched: replay, cancel or discard them first. The
audit trail stays. The uploaded files are the Dialer's: a lifecycle rule of the bucket is the
place for them.

Without --yes it says what it would remove and removes nothing (exit code 5). Made for a daily
timer:
  user-import purge --yes --by cron --reason retention

It deletes, which the workers' database role must not: it wants the log-in of a member of
user_import_operator in OPERATOR_DATABASE_URL.

Exit codes: 0 done, or nothing to do; 5 not confirmed, nothing was removed; 2 usage; 1 anything
that failed.")]
pub(super) struct Args {
    #[command(flatten)]
    retention: Retention,
    /// Only of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: By,
    /// URL of the database, with a user who is a member of user_import_operator
    #[arg(
        long,
        env = "OPERATOR_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    operator_database_url: Secret,
    #[command(flatten)]
    storage: storage::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&db::Options {
        database_url: args.operator_database_url.clone(),
        database_connections: 1,
    })
    .await
    .context("OPERATOR_DATABASE_URL cannot be used")?;
    let storage = Storage::new(&args.storage)?;
    let Retention {
        success_days,
        rows_days,
        imports_days,
        dead_days,
    } = args.retention;
    let purge = Purge::find(&db, args.retention, args.tenant).await?;
    let (success, rows, imports) = (purge.success.len(), purge.rows.len(), purge.imports.len());
    let (row_count, dead_letters, failed) = (purge.row_count(), purge.dead_letters, purge.failed_kept);
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let what = format!(
        "success CSVs of {} (older than {}), {} and the error CSVs of {} (older than {}), {} (older than {}), {} (closed for \
         more than {}); kept: {} older than {}",
        counted(success, "import"),
        counted(success_days, "day"),
        counted(row_count, "row"),
        counted(rows, "import"),
        counted(rows_days, "day"),
        counted(imports, "whole import"),
        counted(imports_days, "day"),
        counted(count(dead_letters), "dead letter"),
        counted(dead_days, "day"),
        counted(count(failed), "failed import"),
        counted(rows_days, "day"),
    );
    let would = format!("this removes: {what}");
    if !purge.is_empty() && !confirmed(args.yes, args.json, &would)? {
        return not_confirmed(args.json, &would);
    }
    purge.run(&db, &storage, &args.by.audit("purge")).await?;
    let value = json!({
        "changed": !purge.is_empty(), "success_csvs": success, "rows": row_count, "rows_of_imports": rows,
        "imports": imports, "dead_letters": dead_letters, "failed_kept": failed,
    });
    show(args.json, &value, &format!("removed: {what}"))?;
    Ok(ExitCode::SUCCESS)
}
