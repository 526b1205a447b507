//! What `submit` shows in the end, and its exit code.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use shared::{
    contract::event::{Body, Completed},
    text::printable,
};
use uuid::Uuid;

use crate::{
    cli::{
        reports::download,
        status::ignored_columns,
        terminal::{print, print_json},
    },
    db::{Db, Import},
    steps::event,
    storage::Storage,
    words::{counted, outcomes},
};

/// Exit code of an import that finished without creating every row.
pub(in crate::cli) const WITH_PROBLEMS: u8 = 3;
/// Exit code of an import that was refused as a whole.
pub(in crate::cli) const REJECTED: u8 = 4;

pub(super) fn published(import_id: Uuid, json: bool) -> anyhow::Result<()> {
    if json {
        print_json(&serde_json::json!({ "import_id": import_id }))
    } else {
        print(&format!(
            "published; to look at it: user-import status {import_id}"
        ))
    }
}

/// Shows the outcome, downloads the reports, and picks the exit code.
pub(super) async fn finished(
    db: &Db,
    storage: &Storage,
    import: &Import,
    json: bool,
    out: Option<&Path>,
) -> anyhow::Result<ExitCode> {
    let event = event::final_event(db, import)
        .await?
        .context("the import is finished but has no event")?;
    if json {
        let body = serde_json::to_value(&event.body)?;
        print_json(body.get("data").context("the event has no data")?)?;
    }
    let show = |text: &str| if json { Ok(()) } else { print(text) };
    match event.body {
        Body::Completed(completed) => {
            show(&summary(&completed))?;
            if let Some(time) = &completed.passwords_expire_at {
                show(&format!("  temporary passwords expire from {time} on"))?;
            }
            if let Some(rows) = completed.file.ignored_rows.filter(|rows| *rows > 0) {
                let rows = counted(rows, "row");
                show(&format!("ignored: {rows} whose mapped cells are all blank"))?;
            }
            for column in ignored_columns(db, import).await? {
                show(&format!("ignored: {column}"))?;
            }
            if let Some(out) = out {
                download(storage, &completed.reports, out).await?;
                show(&format!("reports in {}", out.display()))?;
            }
            let all_created = completed.summary.created == completed.summary.total;
            Ok(if all_created {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(WITH_PROBLEMS)
            })
        }
        Body::Rejected(rejected) => {
            // The event names no columns of the file; whoever submits it may read them.
            let message = import
                .rejection
                .as_ref()
                .map_or(&rejected.message, |rejection| &rejection.message);
            show(&format!("rejected: {} ({})", printable(message), rejected.code))?;
            Ok(ExitCode::from(REJECTED))
        }
        Body::Failed(failed) => bail!(
            "the import {} failed: {}; {} created before",
            failed.import_id,
            import.last_error.as_deref().unwrap_or(&failed.reason),
            counted(failed.created, "user"),
        ),
        Body::Cancelled(cancelled) => bail!("the import {} was cancelled", cancelled.import_id),
        Body::Progress(_) | Body::Received(_) | Body::Planned(_) | Body::Delayed(_) | Body::Refused(_) => {
            bail!("the import is not finished")
        }
    }
}

fn summary(completed: &Completed) -> String {
    let Completed {
        import_id,
        summary,
        file,
        problems,
        timings,
        ..
    } = completed;
    let mut text = format!(
        "import {import_id} completed in {:.1} s ({}, {})\n  {}: {}",
        std::time::Duration::from_millis(timings.duration_ms).as_secs_f64(),
        file.encoding,
        file.delimiter,
        counted(summary.total, "row"),
        outcomes(summary),
    );
    for problem in problems {
        let field = problem
            .field
            .map(|field| format!(" ({field})"))
            .unwrap_or_default();
        text.push_str(&format!(
            "\n  row {}, line {}: {}{field}",
            problem.row, problem.line, problem.code
        ));
    }
    text
}
