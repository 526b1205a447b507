//! `user-import purge`.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use shared::contract::Id;

use super::{
    list::tenant,
    operator::{By, confirmed, not_confirmed, show},
};
use crate::{
    db::{self, Db},
    operate::{Erasure, Purge, Retention},
    secret::Secret,
    storage::{self, Storage},
    words::counted,
};

/// Options of `purge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is deleted, counted from the day an import was finished:
  success CSVs (they hold passwords)            after --success-days
  rows and error CSVs (they hold personal data) after --rows-days; a replay is no
                                                longer possible then
  the import itself, with its dead letters      after --imports-days; its ID stays known as purged
                                                and cannot be used again
Dead letters are deleted --dead-days after they were replayed or discarded. The same time applies to
cancel requests whose import never arrived, and to answers to refused jobs. Entries of the audit
trail are deleted after --audit-days, but never those of the last 90 days; records of workers that
stopped without deregistering, after a day.
Never touched are imports under way, failed imports whose passwords can still be delivered (see
SEED_DAYS of `work`), and open dead letters of other imports. The uploaded files belong to the
Dialer: use a lifecycle rule of the bucket for them.

--tenant ID --all erases everything of a tenant, whatever its age: all its imports, their rows,
reports and uploaded files, and its dead letters. Its users belong to the Dialer; the audit trail,
which holds nothing personal, is kept for its own time.

Without --yes it says what it would remove and removes nothing (exit code 5). For a daily timer:
  user-import purge --yes --by cron --reason retention

The workers' database role is not allowed to delete, so OPERATOR_DATABASE_URL must have the log-in
of a member of user_import_operator.

Exit codes: 0 done, or nothing to do; 5 not confirmed, nothing was removed; 2 usage; 1 any other
failure.")]
pub(super) struct Args {
    #[command(flatten)]
    retention: Retention,
    /// Only what belongs to this tenant, and nothing of the audit trail
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Everything of the tenant, whatever its age
    #[arg(long, requires = "tenant")]
    all: bool,
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
    if let Some(tenant_id) = args.tenant.filter(|_| args.all) {
        return erase(&args, &db, &storage, tenant_id).await;
    }
    let Retention {
        success_days,
        rows_days,
        imports_days,
        dead_days,
        audit_days,
    } = args.retention;
    let purge = Purge::find(&db, args.retention, args.tenant).await?;
    let (success, rows, imports) = (purge.success.len(), purge.rows.len(), purge.imports.len());
    let (row_count, dead_letters, failed) = (purge.row_count(), purge.dead_letters, purge.failed_kept);
    let (audit_entries, workers) = (purge.audit_entries, purge.workers);
    let (cancellations, refusals) = (purge.cancellations, purge.refusals);
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let what = format!(
        "success CSVs of {} (older than {}), {} and the error CSVs of {} (older than {}), {} (older than {}), {} (closed for \
         more than {}), {} (of imports that never arrived), {} (to jobs that were refused more than {} ago), {} of the audit \
         trail (older than {}), {} (not heard from for a day); kept: {} older than {}",
        counted(success, "import"),
        counted(success_days, "day"),
        counted(row_count, "row"),
        counted(rows, "import"),
        counted(rows_days, "day"),
        counted(imports, "whole import"),
        counted(imports_days, "day"),
        counted(count(dead_letters), "dead letter"),
        counted(dead_days, "day"),
        counted(count(cancellations), "cancel request"),
        counted(count(refusals), "answer"),
        counted(dead_days, "day"),
        counted(count(audit_entries), "record"),
        counted(audit_days, "day"),
        counted(count(workers), "worker"),
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
        "imports": imports, "dead_letters": dead_letters, "cancellations": cancellations, "refusals": refusals,
        "audit_entries": audit_entries, "workers": workers, "failed_kept": failed,
    });
    show(args.json, &value, &format!("removed: {what}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Erases all that we hold of a tenant.
async fn erase(args: &Args, db: &Db, storage: &Storage, tenant_id: Id) -> anyhow::Result<ExitCode> {
    let erasure = Erasure::find(db, tenant_id).await?;
    let (imports, rows) = (erasure.imports.len(), erasure.row_count());
    let what = format!(
        "everything of tenant {tenant_id}: {} with {}, their reports and uploaded files, and its dead letters",
        counted(imports, "import"),
        counted(rows, "row")
    );
    let would = format!(
        "this erases {what}; passwords that were not delivered are lost, and the tenant's users stay"
    );
    if !confirmed(args.yes, args.json, &would)? {
        return not_confirmed(args.json, &would);
    }
    let dead_letters = erasure.run(db, storage, &args.by.audit("purge")).await?;
    let value = json!({
        "changed": true, "tenant_id": tenant_id, "imports": imports, "rows": rows, "dead_letters": dead_letters,
    });
    show(args.json, &value, &format!("erased: {what}"))?;
    Ok(ExitCode::SUCCESS)
}
