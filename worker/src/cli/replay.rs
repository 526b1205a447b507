//! `user-import replay`.

use std::process::ExitCode;

use serde_json::json;

use super::operator::{Change, confirmed, not_confirmed, show};
use crate::{
    broker::Link,
    db::{self, Db, Import, State},
    operate::{self, ReplayOptions},
    words::counted,
};

/// Options of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is resumed: of a failed import, all rows without an outcome (the file is read again if it was
not read to its end). Cancelled rows stay cancelled, and the import ends as cancelled, unless
--cancelled creates their users after all. --errors validates every row again that ended in error or
duplicate, and reads a rejected file again: for example, after a missing role was added. Rows are
validated from what was stored of them, not from the file.

A replay is a new attempt with reports of its own: its success CSV holds the users whose passwords
nobody has yet, its error CSV all rows that are still not created. Passwords that were delivered
are never made again; those of users that a failed attempt created come in the new attempt's
success CSV. For an import that is under way, only the job is published once more, which changes
nothing if all is well.

Exit codes: 0 resumed; 5 not confirmed (--cancelled and --abandon-passwords only); 2 usage; 1
any other failure, or nothing to resume.

Examples:
  user-import replay 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11
  user-import replay 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --errors --reason 'role 17 added'")]
pub(super) struct Args {
    /// Validate rows again that ended in error or duplicate; read a rejected file again
    #[arg(long)]
    errors: bool,
    /// Resume the rows that were cancelled. Asks for confirmation
    #[arg(long)]
    cancelled: bool,
    /// The seal key of a failed attempt is lost for good, or its seed is destroyed: go on without the passwords of the
    /// users that it created. They need new ones, made in the Dialer. Asks for confirmation
    #[arg(long)]
    abandon_passwords: bool,
    #[command(flatten)]
    change: Change,
}

/// The question before it: what the options undo or lose.
async fn question(db: &Db, import: &Import, options: ReplayOptions) -> Result<Option<String>, db::Error> {
    let mut parts = Vec::new();
    if options.cancelled {
        parts.push(match import.planned_at {
            Some(_) => format!(
                "creates users from {} cancelled before",
                counted(import.summary.cancelled, "row")
            ),
            None => "reads the file of an import that was cancelled before it was read".to_owned(),
        });
    }
    if options.abandon_passwords {
        let users = db.undelivered_users(import).await?;
        parts.push(format!(
            "loses the passwords of {} that attempt {} created",
            counted(users, "user"),
            import.attempt
        ));
    }
    Ok((!parts.is_empty()).then(|| {
        format!(
            "this {} (import {} of tenant {}, {})",
            parts.join(", and "),
            import.job.import_id,
            import.job.tenant_id,
            import.state.as_str(),
        )
    }))
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let change = &args.change;
    let (db, found) = change.open().await?;
    let import_id = found.job.import_id;
    let options = ReplayOptions {
        errors: args.errors,
        cancelled: args.cancelled,
        abandon_passwords: args.abandon_passwords,
    };
    options.check(&found)?;
    if let Some(question) = question(&db, &found, options).await?
        && !confirmed(change.yes, change.json, &question)?
    {
        return not_confirmed(change.json, &question);
    }
    // First, so that nothing is changed while the broker is away.
    let link = Link::connect(&change.broker).await?;
    let done = operate::replay(&db, import_id, options, &change.by.audit("replay")).await?;
    crash_point!("replay-committed");
    link.publisher().publish(&done.messages).await?;
    crash_point!("replay-published");

    let import = &done.import;
    let (attempt, pending) = (import.attempt, import.pending);
    let rows = counted(pending, "row");
    let what = match (done.changed, import.state) {
        (true, State::Received) => format!("resumed as attempt {attempt}: its file is read again"),
        (true, _) => {
            let mut counts = format!("{rows} pending");
            if args.errors {
                counts = format!(
                    "{} validated again, {pending} pending",
                    counted(done.revalidated, "row")
                );
            }
            if import.summary.cancelled > 0 {
                counts.push_str(&format!(", {} stay cancelled", import.summary.cancelled));
            }
            format!("resumed as attempt {attempt}: {counts}")
        }
        (false, _) => {
            format!("is under way (attempt {attempt}, {rows} pending): its job was published again")
        }
    };
    let value = json!({
        "import_id": import_id, "tenant_id": import.job.tenant_id, "changed": done.changed, "attempt": attempt,
        "state": import.state.as_str(), "revalidated": done.revalidated, "pending": pending, "summary": import.summary,
    });
    let text = format!("import {import_id} {what}\nto follow it: user-import watch {import_id}");
    show(change.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}
