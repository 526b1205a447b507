//! `user-import cancel`.

use std::process::ExitCode;

use serde_json::json;

use super::operator::{Change, confirmed, not_confirmed, show};
use crate::{
    broker::Link,
    db::State,
    operate,
    words::{counted, outcomes},
};

/// Options of `cancel`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What happens: rows that are still pending become `cancelled`; users that were created stay. A
worker then writes the reports (the success CSV holds the users created, the error CSV all other
rows, with Import Result `cancelled` where they were cancelled) and publishes the event
import.cancelled. An import whose file was not read yet is cancelled at once, without reports. A
failed import is finished in the same way, in a new attempt.

It is safe while workers run, and may be run again if it was interrupted. Cancelled rows stay
cancelled, whatever is replayed afterwards, unless `replay --cancelled` resumes them.

Exit codes: 0 cancelled; 5 not confirmed, nothing was changed; 2 usage; 1 any other failure.

Example:
  user-import cancel 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --yes --reason 'wrong file'")]
pub(super) struct Args {
    #[command(flatten)]
    change: Change,
}

pub(super) async fn run(Args { change }: Args) -> anyhow::Result<ExitCode> {
    let (db, found) = change.open().await?;
    let import_id = found.job.import_id;
    // An import that is already cancelled needs no confirmation: running the command again only makes sure that it was
    // finished.
    let open = (!found.state.is_final() || found.state == State::Failed) && !found.is_cancelled();
    let mut what = format!(
        "this cancels the {} of import {import_id} of tenant {} ({}) and keeps {} created before",
        counted(found.pending, "pending row"),
        found.job.tenant_id,
        found.state.as_str(),
        counted(found.summary.created, "user"),
    );
    let undelivered = db.undelivered_users(&found).await?;
    if undelivered > 0 && found.sealed_seed.is_none() {
        what.push_str(&format!(
            "; {undelivered} of them need new passwords, made in the Dialer: theirs can no longer be made"
        ));
    }
    if open && !confirmed(change.yes, change.json, &what)? {
        return not_confirmed(change.json, &what);
    }
    // First, so that nothing is changed while the broker is away.
    let link = Link::connect(&change.broker).await?;
    let done = operate::cancel(&db, import_id, &change.by.audit("cancel")).await?;
    link.publisher().publish(&done.messages).await?;

    let import = &done.import;
    let (verb, next) = match (done.changed, import.state) {
        (true, State::Running) => ("cancelled", "a worker was asked for the reports"),
        (true, _) => ("cancelled", "no row was read, so there are no reports"),
        (false, State::Running) => (
            "was already cancelled",
            "a worker was asked for the reports again",
        ),
        (false, _) => (
            "was already cancelled",
            "its event import.cancelled was published again",
        ),
    };
    let text = format!(
        "import {import_id} {verb}: {} cancelled, {}; {next}\nto look at it: user-import status {import_id}",
        counted(import.summary.cancelled, "row"),
        outcomes(&import.summary),
    );
    let value = json!({
        "import_id": import_id, "tenant_id": import.job.tenant_id, "changed": done.changed,
        "state": import.state.as_str(), "attempt": import.attempt, "summary": import.summary,
    });
    show(change.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}
