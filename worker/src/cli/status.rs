//! `user-import status`.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use serde::Serialize;
use shared::{
    contract::{Id, event::Summary, job::Mode},
    file::{Delimiter, Encoding},
    rejection::Rejection,
};
use uuid::Uuid;

use crate::{
    db::{self, Db, Import},
    events::rfc3339,
    report,
};

/// Options of `status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The import's ID
    #[arg(value_name = "ID")]
    import_id: Uuid,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

/// An import as operators see it.
#[derive(Debug, Serialize)]
struct Status {
    import_id: Uuid,
    tenant_id: Id,
    state: &'static str,
    attempt: u32,
    mode: Mode,
    summary: Summary,
    pending: u32,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
    rejection: Option<Rejection>,
    failure_reason: Option<String>,
    tries: u32,
    last_error: Option<String>,
    source_key: String,
    success_key: Option<String>,
    errors_key: Option<String>,
    received_at: String,
    planned_at: Option<String>,
    finished_at: Option<String>,
}

impl Status {
    fn of(import: &Import) -> anyhow::Result<Self> {
        let reported = matches!(import.state, db::State::Completed | db::State::Cancelled);
        Ok(Self {
            import_id: import.job.import_id,
            tenant_id: import.job.tenant_id,
            state: import.state.as_str(),
            attempt: import.attempt,
            mode: import.job.mode,
            summary: import.summary,
            pending: import.pending,
            encoding: import.format.map(|(encoding, _)| encoding),
            delimiter: import.format.map(|(_, delimiter)| delimiter),
            rejection: import.rejection.clone(),
            failure_reason: import.failure_reason.clone(),
            tries: import.tries,
            last_error: import.last_error.clone(),
            source_key: import.job.source.key.clone(),
            success_key: reported.then(|| report::success_key(import)),
            errors_key: reported.then(|| report::errors_key(import)),
            received_at: rfc3339(import.received_at)?,
            planned_at: import.planned_at.map(rfc3339).transpose()?,
            finished_at: import.finished_at.map(rfc3339).transpose()?,
        })
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let Summary {
            total,
            created,
            duplicates,
            errors,
            cancelled,
        } = self.summary;
        let (encoding, delimiter) = (
            self.encoding.map(|e| e.to_string()),
            self.delimiter.map(|d| d.to_string()),
        );
        let rejected = self.rejection.as_ref().map(ToString::to_string);
        let some = |name, value: Option<&String>| value.map(|value| (name, value.clone()));
        let mut lines = vec![
            ("import", self.import_id.to_string()),
            ("tenant", self.tenant_id.to_string()),
            ("state", self.state.to_owned()),
            ("attempt", self.attempt.to_string()),
            ("mode", self.mode.as_str().to_owned()),
            (
                "rows",
                format!(
                    "{total} ({created} created, {duplicates} duplicates, {errors} errors, {cancelled} cancelled, {} pending)",
                    self.pending
                ),
            ),
        ];
        lines.extend(some("encoding", encoding.as_ref()));
        lines.extend(some("delimiter", delimiter.as_ref()));
        lines.extend(some("rejected", rejected.as_ref()));
        lines.extend(some("failed", self.failure_reason.as_ref()));
        if self.tries > 0 {
            lines.push(("tries", self.tries.to_string()));
        }
        lines.extend(some("last error", self.last_error.as_ref()));
        lines.push(("source", self.source_key.clone()));
        lines.extend(some("success CSV", self.success_key.as_ref()));
        lines.extend(some("error CSV", self.errors_key.as_ref()));
        lines.push(("received", self.received_at.clone()));
        lines.extend(some("planned", self.planned_at.as_ref()));
        lines.extend(some("finished", self.finished_at.as_ref()));
        lines
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::new(&args.database)?;
    let Some(import) = db.find(args.import_id).await? else {
        bail!(
            "there is no import {}: no worker has taken a job with this ID yet",
            args.import_id
        );
    };
    let status = Status::of(&import)?;
    let mut out = std::io::stdout().lock();
    let written = if args.json {
        writeln!(out, "{}", serde_json::to_string(&status)?)
    } else {
        status
            .lines()
            .iter()
            .try_for_each(|(name, value)| writeln!(out, "{name:<12}{value}"))
    };
    written.context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
