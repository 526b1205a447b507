//! `user-import watch`.

use std::process::ExitCode;

use anyhow::bail;
use shared::text::printable;

use super::{
    follow::{Bar, Look, follow},
    import_id::ImportId,
    status::Status,
    submit::outcome::{REJECTED, WITH_PROBLEMS},
    terminal::{Reader, offer},
};
use crate::{
    db::{self, Db, Import, State},
    operate,
    words::{counted, outcomes},
};

/// Options of `watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows a progress bar on a terminal, otherwise a line for each change. Ctrl-C stops watching, not the
import (exit code 130).

Exit codes, as for `submit`: 0 all rows created; 3 finished with duplicates, errors or
cancelled rows; 4 the file was rejected; 1 it failed, or there is no such import.

Example:
  user-import watch 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11")]
pub(super) struct Args {
    /// The import's ID, or a prefix of it
    #[arg(value_name = "ID")]
    import_id: ImportId,
    /// Print one line of JSON for each change, as `status --json` does
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&args.database).await?;
    let import_id = args.import_id.find(&db).await?.job.import_id;
    let bar = Bar::new()?;
    let on_terminal = !bar.is_hidden() && !args.json;
    let mut last = String::new();
    let import = follow(&db, import_id, |look| {
        match look {
            Look::Missing => bail!(operate::Error::Unknown(import_id)),
            Look::Found(import) => {
                let line = line(import);
                if on_terminal {
                    bar.show(import, line.clone());
                }
                if line != last && (!on_terminal || import.state.is_final()) {
                    let reader = offer(args.json, &Status::of(import)?, &line)?;
                    if reader == Reader::Gone {
                        bail!(NobodyReads);
                    }
                }
                last = line;
            }
            Look::Unavailable(error) if on_terminal => bar.say(printable(&error.to_string()).into_owned()),
            Look::Unavailable(error) => tracing::warn!(%error, "database unavailable, trying again"),
        }
        Ok(())
    })
    .await;
    match import {
        Ok(import) => Ok(exit_code(&import)),
        Err(error) if error.is::<NobodyReads>() => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    }
}

/// The reader of the lines has closed the pipe.
#[derive(Debug, thiserror::Error)]
#[error("nobody is reading any more")]
struct NobodyReads;

fn line(import: &Import) -> String {
    let summary = import.summary;
    let mut line = format!(
        "{} (attempt {}): {}, {}, {} cancelled, {} pending",
        import.state.as_str(),
        import.attempt,
        counted(summary.total, "row"),
        outcomes(&summary),
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
