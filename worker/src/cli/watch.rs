//! `user-import watch`.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use shared::text::printable;
use uuid::Uuid;

use super::{
    operator::show,
    status::Status,
    submit::outcome::{REJECTED, WITH_PROBLEMS},
};
use crate::{
    db::{self, Db, Import, State},
    operate,
};

/// How often the import is looked at: quick for a person, and nothing for the database.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Options of `watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows a progress bar on a terminal, otherwise a line for each change. Ctrl-C ends the watching,
not the import.

Exit codes, as those of `submit`: 0 all rows created; 3 finished with duplicates, errors or
cancelled rows; 4 the file was rejected; 1 it failed, or there is no such import.

Example:
  user-import watch 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11")]
pub(super) struct Args {
    /// The import's ID
    #[arg(value_name = "ID")]
    import_id: Uuid,
    /// Print one line of JSON for each change, as `status --json` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::new(&args.database)?;
    let on_terminal = std::io::stderr().is_terminal() && !args.json;
    let bar =
        ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} rows {msg}")?);
    let mut last = String::new();
    loop {
        match db.find(args.import_id).await {
            Ok(None) => bail!(operate::Error::Unknown(args.import_id)),
            Ok(Some(import)) => {
                let line = line(&import);
                let is_over = import.finished_at.is_some();
                if on_terminal {
                    bar.set_length(u64::from(import.summary.total));
                    bar.set_position(u64::from(import.summary.total.saturating_sub(import.pending)));
                    bar.set_message(line.clone());
                }
                if is_over {
                    bar.finish_and_clear();
                }
                if line != last && (!on_terminal || is_over) {
                    show(args.json, &Status::of(&import)?, &line)?;
                }
                last = line;
                if is_over {
                    return Ok(exit_code(&import));
                }
            }
            // The import goes on without us, and so does the watching once the server is back.
            Err(error) if error.passes() => {
                if on_terminal {
                    bar.set_message(printable(&error.to_string()).into_owned());
                } else {
                    tracing::warn!(%error, "waiting");
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn line(import: &Import) -> String {
    let summary = import.summary;
    let mut line = format!(
        "{} (attempt {}): {} rows, {} created, {} duplicates, {} errors, {} cancelled, {} pending",
        import.state.as_str(),
        import.attempt,
        summary.total,
        summary.created,
        summary.duplicates,
        summary.errors,
        summary.cancelled,
        import.pending,
    );
    let why = import.rejection.as_ref().map(ToString::to_string);
    if let Some(why) = why.or_else(|| import.trouble().map(str::to_owned)) {
        line.push_str(&format!("; {why}"));
    }
    printable(&line).into_owned()
}

fn exit_code(import: &Import) -> ExitCode {
    match import.state {
        State::Rejected => ExitCode::from(REJECTED),
        State::Failed => ExitCode::FAILURE,
        _ if import.summary.created == import.summary.total && import.summary.total > 0 => ExitCode::SUCCESS,
        _ => ExitCode::from(WITH_PROBLEMS),
    }
}
