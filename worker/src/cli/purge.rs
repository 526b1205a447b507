//! `user-import purge`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::json;
use shared::contract::Id;
use time::OffsetDateTime;

use super::{
    list::tenant,
    operator::{By, confirmed, not_confirmed, show},
};
use crate::{
    db::{self, Db, Old, Stage},
    message::ImportRef,
    secret::Secret,
    storage::{self, Storage, report_keys},
};

/// Options of `purge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What goes, counted from the day an import was finished:
  success CSVs (they hold passwords)            after --success-days
  rows and error CSVs (they hold personal data) after --rows-days; then no replay
                                                is possible any more
  the import itself, with its counters          after --imports-days; its ID is free from then on
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
    /// Days after which success CSVs are deleted
    #[arg(long, env = "PURGE_SUCCESS_DAYS", value_name = "DAYS", default_value_t = 30)]
    success_days: u16,
    /// Days after which rows and error CSVs are deleted
    #[arg(long, env = "PURGE_ROWS_DAYS", value_name = "DAYS", default_value_t = 90)]
    rows_days: u16,
    /// Days after which imports are deleted
    #[arg(long, env = "PURGE_IMPORTS_DAYS", value_name = "DAYS", default_value_t = 365)]
    imports_days: u16,
    /// Days after which dead letters that were replayed or discarded are deleted
    #[arg(long, env = "PURGE_DEAD_DAYS", value_name = "DAYS", default_value_t = 90)]
    dead_days: u16,
    /// Only of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Go ahead without a question
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
    let db = Db::new(&db::Options {
        database_url: args.operator_database_url.clone(),
        database_connections: 1,
    })
    .context("OPERATOR_DATABASE_URL cannot be used")?;
    let storage = Storage::new(&args.storage)?;
    if !db.may_purge().await? {
        bail!(
            "this database role may not delete imports and dead letters: give OPERATOR_DATABASE_URL the log-in of a member of \
             user_import_operator (GRANT user_import_operator TO …)"
        );
    }
    let now = OffsetDateTime::now_utc();
    let before = |days: u16| {
        now.checked_sub(time::Duration::days(i64::from(days)))
            .context("that is too long ago")
    };
    let imports = db
        .old_imports(Stage::Import, before(args.imports_days)?, args.tenant)
        .await?;
    // What goes as a whole needs not go in parts.
    let only_parts =
        |old: Vec<Old>| -> Vec<Old> { old.into_iter().filter(|old| !imports.contains(old)).collect() };
    let rows = only_parts(
        db.old_imports(Stage::Rows, before(args.rows_days)?, args.tenant)
            .await?,
    );
    let success = only_parts(
        db.old_imports(Stage::Success, before(args.success_days)?, args.tenant)
            .await?,
    );
    let kept = db.old_failures(before(args.rows_days)?, args.tenant).await?;
    let dead_before = before(args.dead_days)?;
    let dead_letters = db.old_dead_letters(dead_before, args.tenant).await?;
    let row_count: u64 = rows.iter().chain(&imports).map(|old| u64::from(old.rows)).sum();
    let what = format!(
        "success CSVs of {} imports (older than {} days), {row_count} rows and the error CSVs of {} imports (older than {} days), \
         {} whole imports (older than {} days), {dead_letters} dead letters (closed for more than {} days); {kept} failed imports older than {} days are kept",
        success.len(),
        args.success_days,
        rows.len(),
        args.rows_days,
        imports.len(),
        args.imports_days,
        args.dead_days,
        args.rows_days,
    );
    let nothing = success.is_empty() && rows.is_empty() && imports.is_empty() && dead_letters == 0;
    let would = format!("this removes: {what}");
    if !nothing && !confirmed(args.yes, args.json, &would)? {
        return not_confirmed(args.json, &would);
    }
    let audit = args.by.audit("purge");
    for (stage, list) in [
        (Stage::Success, &success),
        (Stage::Rows, &rows),
        (Stage::Import, &imports),
    ] {
        for old in list {
            // The objects first: whatever is noted as removed is gone.
            delete_reports(&storage, stage, old).await?;
            if !db.purge(stage, old, &audit).await? {
                tracing::warn!(import_id = %old.import_id, "resumed in the meantime, kept");
            }
        }
    }
    db.purge_dead_letters(dead_before, args.tenant, &audit).await?;
    let value = json!({
        "changed": !nothing, "success_csvs": success.len(), "rows": row_count, "rows_of_imports": rows.len(),
        "imports": imports.len(), "dead_letters": dead_letters, "failed_kept": kept,
    });
    show(args.json, &value, &format!("removed: {what}"))?;
    Ok(ExitCode::SUCCESS)
}

async fn delete_reports(storage: &Storage, stage: Stage, old: &Old) -> anyhow::Result<()> {
    for attempt in 1..=old.attempt {
        let keys = report_keys(ImportRef {
            import_id: old.import_id,
            tenant_id: old.tenant_id,
            attempt,
        });
        if matches!(stage, Stage::Success | Stage::Import) {
            storage.delete(&keys.success).await?;
        }
        if matches!(stage, Stage::Rows | Stage::Import) {
            storage.delete(&keys.errors).await?;
        }
    }
    Ok(())
}
