//! `user-import status`.

use std::process::ExitCode;

use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use shared::{
    contract::{Id, event::Summary, job::Mode},
    file::{Delimiter, Encoding},
    names,
    outcome::Outcome,
    rejection::Rejection,
    text::printable,
};
use strum::VariantArray;
use uuid::Uuid;

use super::operator::show;
use crate::{
    db::{self, Db, Import, Row},
    operate,
    steps::event::rfc3339,
    storage::report_keys,
};

/// Options of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --outcome error --outcome duplicate
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --rows --json")]
pub(super) struct Args {
    /// The import's ID
    #[arg(value_name = "ID")]
    import_id: Uuid,
    /// Show its rows too, with their outcomes and what is wrong with them; passwords are nowhere but in the success CSV
    #[arg(long)]
    rows: bool,
    /// Only rows with this outcome; may be given several times
    #[arg(long = "outcome", value_name = "OUTCOME", value_parser = outcome())]
    outcomes: Vec<Outcome>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

/// The outcomes by their names, which clap shows.
fn outcome() -> impl TypedValueParser<Value = Outcome> {
    let names = Outcome::VARIANTS.iter().map(|outcome| outcome.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Outcome>())
}

/// An import as operators see it.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    import_id: Uuid,
    tenant_id: Id,
    state: &'static str,
    attempt: u32,
    mode: Mode,
    summary: Summary,
    pending: u32,
    encoding: Option<Encoding>,
    delimiter: Option<Delimiter>,
    ignored_rows: Option<u32>,
    /// Positions, from 1, of the columns that were not read.
    ignored_columns: Option<Vec<u32>>,
    rejection: Option<Rejection>,
    failure_reason: Option<String>,
    tries: u32,
    last_error: Option<String>,
    /// Whether the import has come to its end in spite of that error.
    #[serde(skip)]
    overcame: bool,
    source_key: String,
    success_key: Option<String>,
    errors_key: Option<String>,
    received_at: String,
    planned_at: Option<String>,
    finished_at: Option<String>,
    success_purged_at: Option<String>,
    rows_purged_at: Option<String>,
    /// The same with their names, and the fields that misspelt ones may be meant for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Row>>,
}

fn row_text(row: &Row) -> String {
    let mut text = format!("row {:>3}, line {:>3}: {:<9}", row.row, row.line, row.outcome);
    if let Some(username) = &row.username {
        text.push_str(&format!(" {}", printable(username)));
    }
    if let Some(user_id) = row.user_id {
        text.push_str(&format!(" (user {user_id}, attempt {})", row.attempt));
    }
    for problem in &row.problems {
        text.push_str(&format!(
            "\n    {}: {}",
            problem.code,
            printable(&problem.message)
        ));
    }
    text.trim_end().to_owned()
}

impl Status {
    pub(super) fn of(import: &Import) -> anyhow::Result<Self> {
        let reported = matches!(import.state, db::State::Completed | db::State::Cancelled)
            && import.planned_at.is_some();
        let keys = report_keys(import.reference());
        Ok(Self {
            import_id: import.job.import_id,
            tenant_id: import.job.tenant_id,
            state: import.state.as_str(),
            attempt: import.attempt,
            mode: import.job.mode,
            summary: import.summary,
            pending: import.pending,
            encoding: import.format.as_ref().map(|format| format.encoding),
            delimiter: import.format.as_ref().map(|format| format.delimiter),
            ignored_rows: import.format.as_ref().and_then(|format| format.ignored_rows),
            ignored_columns: import
                .format
                .as_ref()
                .and_then(|format| format.ignored_columns.clone()),
            rejection: import.rejection.clone(),
            failure_reason: import.failure_reason.clone(),
            tries: import.retry_count,
            last_error: import.last_error.clone(),
            overcame: import.trouble().is_none(),
            source_key: import.job.source.key.clone(),
            success_key: (reported && import.success_purged_at.is_none()).then_some(keys.success),
            errors_key: (reported && import.rows_purged_at.is_none()).then_some(keys.errors),
            received_at: rfc3339(import.received_at)?,
            planned_at: import.planned_at.map(rfc3339).transpose()?,
            finished_at: import.finished_at.map(rfc3339).transpose()?,
            success_purged_at: import.success_purged_at.map(rfc3339).transpose()?,
            rows_purged_at: import.rows_purged_at.map(rfc3339).transpose()?,
            ignored_names: Vec::new(),
            rows: None,
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
        let ignored_rows = self.ignored_rows.filter(|rows| *rows > 0);
        lines.extend(
            ignored_rows.map(|rows| ("ignored", format!("{rows} rows whose mapped cells are all blank"))),
        );
        lines.extend(self.ignored_names.iter().map(|name| ("ignored", name.clone())));
        lines.extend(some("rejected", rejected.as_ref()));
        lines.extend(some("failed", self.failure_reason.as_ref()));
        if self.tries > 0 {
            lines.push(("tries", self.tries.to_string()));
        }
        // Of an import that has come to its end in spite of it, nobody needs to mend anything.
        let name = if self.overcame { "past error" } else { "last error" };
        lines.extend(some(name, self.last_error.as_ref()));
        lines.push(("source", self.source_key.clone()));
        lines.extend(some("success CSV", self.success_key.as_ref()));
        lines.extend(some("error CSV", self.errors_key.as_ref()));
        lines.push(("received", self.received_at.clone()));
        lines.extend(some("planned", self.planned_at.as_ref()));
        lines.extend(some("finished", self.finished_at.as_ref()));
        lines.extend(some("CSV purged", self.success_purged_at.as_ref()));
        lines.extend(some("rows purged", self.rows_purged_at.as_ref()));
        lines
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::new(&args.database)?;
    let Some(import) = db.find(args.import_id).await? else {
        bail!(operate::Error::Unknown(args.import_id));
    };
    let mut status = Status::of(&import)?;
    status.ignored_names = ignored_columns(&db, &import).await?;
    if args.rows || !args.outcomes.is_empty() {
        status.rows = Some(
            db.rows(import.job.tenant_id, args.import_id, &args.outcomes)
                .await?,
        );
    }
    let mut lines: Vec<String> = status
        .lines()
        .iter()
        .map(|(name, value)| format!("{name:<12}{}", printable(value)))
        .collect();
    lines.extend(status.rows.iter().flatten().map(row_text));
    show(args.json, &status, &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The columns of the file that were not read, in words.
pub(super) async fn ignored_columns(db: &Db, import: &Import) -> Result<Vec<String>, db::Error> {
    let ignored = import
        .format
        .as_ref()
        .and_then(|format| format.ignored_columns.as_ref());
    let Some(ignored) = ignored.filter(|ignored| !ignored.is_empty()) else {
        return Ok(Vec::new());
    };
    // Columns of earlier reports stand at the end of a file, so that a column of the header stands where it did there.
    let names = db.source_header(import).await?;
    let told = ignored.iter().map(|&number| {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let name = names.get(index).map_or("", String::as_str);
        let hint = names::resembles(&names::normalise(name))
            .map(|field| format!("; is it meant as {}?", field.label()))
            .unwrap_or_default();
        format!("column {number} {name:?}{hint}")
    });
    Ok(told.collect())
}
