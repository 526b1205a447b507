//! `user-import replay`.

use std::process::ExitCode;

use serde_json::json;
use uuid::Uuid;

use super::operator::{By, confirmed, not_confirmed, show};
use crate::{
    broker::{self, Link},
    db::{self, Db, State},
    operate::{self, ReplayOptions},
};

/// Options of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is taken up: of a failed or cancelled import, all rows without an outcome (the file is read
anew if that is how far it came). With --errors also every row that ended in error or duplicate,
and a rejected import: after a missing role was added, say. Rows are validated from what was
stored of them, not from the file.

A replay is a new attempt with reports of its own: its success CSV holds the users whose passwords
nobody has yet, its error CSV all rows that are still not created. Passwords that were delivered
are never made again; those of users that a failed attempt created come in the new attempt's
success CSV. Of an import that is under way, only the job is published once more, which changes
nothing if all is well.

Exit codes: 0 taken up; 5 not confirmed (--abandon-passwords only); 2 usage; 1 anything that
failed, or nothing to take up.

Examples:
  user-import replay 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11
  user-import replay 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --errors --reason 'role 17 added'")]
pub(super) struct Args {
    /// The import's ID
    #[arg(value_name = "ID")]
    import_id: Uuid,
    /// Validate rows again that ended in error or duplicate; read a rejected file again
    #[arg(long)]
    errors: bool,
    /// The seal key of a failed attempt is lost for good: go on without the passwords of the users that it created. They
    /// need new ones, made in the Dialer
    #[arg(long)]
    abandon_passwords: bool,
    /// Go ahead without a question, where --abandon-passwords would ask one
    #[arg(long)]
    yes: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    broker: broker::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::new(&args.database)?;
    let import_id = args.import_id;
    let found = db
        .find(import_id)
        .await?
        .ok_or(operate::Error::Unknown(import_id))?;
    if args.abandon_passwords && found.state == State::Failed && found.sealed_seed.is_some() {
        let what = format!(
            "this loses the passwords of the users that import {import_id} created in attempt {} ({} created in all)",
            found.attempt, found.summary.created,
        );
        if !confirmed(args.yes, args.json, &what)? {
            return not_confirmed(args.json, &what);
        }
    }
    // First, so that nothing is changed while the broker is away.
    let link = Link::connect(&args.broker).await?;
    let options = ReplayOptions {
        errors: args.errors,
        abandon_passwords: args.abandon_passwords,
    };
    let done = operate::replay(&db, import_id, options, &args.by.audit("replay")).await?;
    crash_point!("replay-committed");
    link.publisher().publish(&done.messages).await?;
    crash_point!("replay-published");

    let import = &done.import;
    let (attempt, pending) = (import.attempt, import.pending);
    let what = match (done.changed, import.state) {
        (true, State::Received) => format!("taken up as attempt {attempt}: its file is read again"),
        (true, _) if done.revalidated > 0 => format!(
            "taken up as attempt {attempt}: {} rows validated again, {pending} pending",
            done.revalidated
        ),
        (true, _) => format!("taken up as attempt {attempt}: {pending} rows pending"),
        (false, _) => format!(
            "was under way (attempt {attempt}, {pending} rows pending): its job was published once more"
        ),
    };
    let value = json!({
        "import_id": import_id, "tenant_id": import.job.tenant_id, "changed": done.changed, "attempt": attempt,
        "state": import.state.as_str(), "revalidated": done.revalidated, "pending": pending, "summary": import.summary,
    });
    let text = format!("import {import_id} {what}\nto follow it: user-import watch {import_id}");
    show(args.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}
