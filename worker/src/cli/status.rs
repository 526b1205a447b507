//! `user-import status`.

use std::process::ExitCode;

use anyhow::bail;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use shared::{
    contract::{
        Id,
        event::{ReportKeys, Summary},
        job::Mode,
    },
    file::{Delimiter, Encoding},
    names,
    outcome::Outcome,
    rejection::Rejection,
    text::printable,
};
use strum::VariantArray;
use uuid::Uuid;

use super::{import_id::ImportId, operator::show};
use crate::{
    db::{self, Db, Import, Pause, Row, State},
    message::ImportRef,
    steps::event::rfc3339,
    storage::report_keys,
    words::{counted, outcomes},
};

/// Options of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --outcome error --outcome duplicate
  user-import status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --rows --json")]
pub(super) struct Args {
    /// The import's ID, or a prefix of it
    #[arg(value_name = "ID")]
    import_id: ImportId,
    /// Show its rows too, with their outcomes and what is wrong with them; passwords are only in the success CSV
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
    /// Users that a failed attempt has created: nobody has their passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    undelivered_users: Option<u32>,
    /// Whether their passwords can still be made.
    #[serde(skip)]
    has_seed: bool,
    tries: u32,
    last_error: Option<String>,
    /// Whether the import has finished in spite of that error.
    #[serde(skip)]
    recovered: bool,
    source_key: String,
    success_key: Option<String>,
    errors_key: Option<String>,
    received_at: String,
    planned_at: Option<String>,
    finished_at: Option<String>,
    success_purged_at: Option<String>,
    rows_purged_at: Option<String>,
    /// The ignored columns with their names, and the fields that misspelt ones may stand for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_names: Vec<String>,
    /// The pause that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<String>,
    /// All attempts, where there is more than one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Row>>,
}

/// An attempt, and its reports if it has written any that are not purged.
#[derive(Debug, Serialize)]
struct Attempt {
    attempt: u32,
    state: &'static str,
    success_key: Option<String>,
    errors_key: Option<String>,
}

impl Attempt {
    fn of(import: &Import, attempt: u32, state: State) -> Self {
        let reported = matches!(state, State::Completed | State::Cancelled) && import.planned_at.is_some();
        let keys = report_keys(ImportRef {
            attempt,
            ..import.reference()
        });
        Self {
            attempt,
            state: state.as_str(),
            success_key: (reported && import.success_purged_at.is_none()).then_some(keys.success),
            errors_key: (reported && import.rows_purged_at.is_none()).then_some(keys.errors),
        }
    }

    fn text(&self) -> String {
        let reports = [&self.success_key, &self.errors_key].into_iter().flatten();
        let reports: Vec<&str> = reports.map(String::as_str).collect();
        match reports.is_empty() {
            true => format!("{}: {}", self.attempt, self.state),
            false => format!("{}: {}; {}", self.attempt, self.state, reports.join(", ")),
        }
    }
}

/// All attempts of an import that has more than one, the first one first.
async fn attempts(db: &Db, import: &Import) -> anyhow::Result<Vec<Attempt>> {
    if import.attempt == 1 {
        return Ok(Vec::new());
    }
    let ended = db.ended_attempts(import.job.import_id).await?;
    let ended = ended
        .iter()
        .map(|ended| Attempt::of(import, ended.attempt, ended.state));
    let last = Attempt::of(import, import.attempt, import.state);
    Ok(ended.chain([last]).collect())
}

/// Where the reports of an attempt are; an error if it has none.
pub(super) async fn reports_of(db: &Db, import: &Import, attempt: u32) -> anyhow::Result<ReportKeys> {
    let import_id = import.job.import_id;
    let state = if attempt == import.attempt {
        import.state
    } else {
        let ended = db.ended_attempts(import_id).await?;
        match ended.iter().find(|ended| ended.attempt == attempt) {
            Some(ended) => ended.state,
            None => bail!(
                "the import {import_id} has no attempt {attempt}: its last one is {}",
                import.attempt
            ),
        }
    };
    let found = Attempt::of(import, attempt, state);
    match (found.success_key, found.errors_key) {
        (Some(success), Some(errors)) => {
            let reported = db.reported_attempts(import.reference()).await?;
            let own = reported.into_iter().find(|reported| reported.attempt == attempt);
            Ok(ReportKeys {
                success,
                errors,
                problems: own.and_then(|own| own.reports.problems),
            })
        }
        _ if import.success_purged_at.is_some() => bail!("the reports of the import {import_id} were purged"),
        _ => bail!(
            "there are no reports of attempt {attempt} of the import {import_id}: it is {}",
            state.as_str()
        ),
    }
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
        let last = Attempt::of(import, import.attempt, import.state);
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
            undelivered_users: None,
            has_seed: import.sealed_seed.is_some(),
            tries: import.retry_count,
            last_error: import.last_error.clone(),
            recovered: import.trouble().is_none(),
            source_key: import.job.source.key.clone(),
            success_key: last.success_key,
            errors_key: last.errors_key,
            received_at: rfc3339(import.received_at)?,
            planned_at: import.planned_at.map(rfc3339).transpose()?,
            finished_at: import.finished_at.map(rfc3339).transpose()?,
            success_purged_at: import.success_purged_at.map(rfc3339).transpose()?,
            rows_purged_at: import.rows_purged_at.map(rfc3339).transpose()?,
            ignored_names: Vec::new(),
            paused: None,
            attempts: Vec::new(),
            rows: None,
        })
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
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
                    "{} ({}, {} cancelled, {} pending)",
                    self.summary.total,
                    outcomes(&self.summary),
                    self.summary.cancelled,
                    self.pending
                ),
            ),
        ];
        lines.extend(some("encoding", encoding.as_ref()));
        lines.extend(some("delimiter", delimiter.as_ref()));
        let ignored_rows = self.ignored_rows.filter(|rows| *rows > 0);
        lines.extend(ignored_rows.map(|rows| {
            (
                "ignored",
                format!("{} whose mapped cells are all blank", counted(rows, "row")),
            )
        }));
        lines.extend(self.ignored_names.iter().map(|name| ("ignored", name.clone())));
        lines.extend(some("paused", self.paused.as_ref()));
        lines.extend(some("rejected", rejected.as_ref()));
        lines.extend(some("failed", self.failure_reason.as_ref()));
        if let Some(users) = self.undelivered_users.filter(|users| *users > 0) {
            let what = match self.has_seed {
                true => format!(
                    "not yet in a success CSV for {}: a replay or a cancellation writes it",
                    counted(users, "user")
                ),
                false => format!("lost for {}: make new ones in the Dialer", counted(users, "user")),
            };
            lines.push(("passwords", what));
        }
        if self.tries > 0 {
            lines.push(("tries", self.tries.to_string()));
        }
        // If the import has finished in spite of it, there is nothing to fix.
        let name = if self.recovered {
            "past error"
        } else {
            "last error"
        };
        lines.extend(some(name, self.last_error.as_ref()));
        lines.push(("source", self.source_key.clone()));
        lines.extend(some("success CSV", self.success_key.as_ref()));
        lines.extend(some("error CSV", self.errors_key.as_ref()));
        lines.push(("received", self.received_at.clone()));
        lines.extend(some("planned", self.planned_at.as_ref()));
        lines.extend(some("finished", self.finished_at.as_ref()));
        lines.extend(some("CSV purged", self.success_purged_at.as_ref()));
        lines.extend(some("rows purged", self.rows_purged_at.as_ref()));
        lines.extend(self.attempts.iter().map(|attempt| ("attempt", attempt.text())));
        lines
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&args.database).await?;
    let import = args.import_id.find(&db).await?;
    let mut status = Status::of(&import)?;
    status.attempts = attempts(&db, &import).await?;
    if import.is_paused && !import.state.is_final() {
        let of_this = |pause: &Pause| {
            pause
                .tenant_id
                .is_none_or(|tenant_id| tenant_id == import.job.tenant_id)
        };
        status.paused = db
            .pauses()
            .await?
            .iter()
            .find(|pause| of_this(pause))
            .map(ToString::to_string);
    }
    status.undelivered_users = Some(db.undelivered_users(&import).await?);
    status.ignored_names = ignored_columns(&db, &import).await?;
    if args.rows || !args.outcomes.is_empty() {
        status.rows = Some(
            db.rows(import.job.tenant_id, import.job.import_id, &args.outcomes)
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

/// Describes the columns of the file that were not read.
pub(super) async fn ignored_columns(db: &Db, import: &Import) -> Result<Vec<String>, db::Error> {
    let ignored = import
        .format
        .as_ref()
        .and_then(|format| format.ignored_columns.as_ref());
    let Some(ignored) = ignored.filter(|ignored| !ignored.is_empty()) else {
        return Ok(Vec::new());
    };
    // Columns of earlier reports are at the end of a file, so a column of the header has the same position there.
    let names = db.source_header(import).await?;
    let told = ignored.iter().map(|&number| {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let name = names.get(index).map_or("", String::as_str);
        let hint = names::resembles(&names::normalise(name))
            .map(|field| format!("; did you mean {}?", field.label()))
            .unwrap_or_default();
        format!("column {number} {name:?}{hint}")
    });
    Ok(told.collect())
}
