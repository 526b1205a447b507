//! `user-import list`.

use std::{process::ExitCode, time::Duration};

use serde_json::json;
use shared::{contract::Id, text::printable};
use time::OffsetDateTime;

use super::{operator::show, options::Misconfigured, status::Status};
use crate::{
    db::{self, Db, Filter, Import, Paging, State},
    words::whole_number,
};

/// Options of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  user-import list                                     the 50 newest imports
  user-import list --state failed                      what waits for a replay
  user-import list --state received --state running --older-than 10m
                                                       what may be stuck
  user-import list --tenant 42 --newer-than 7d --json  one line of JSON, with the fields of `status`")]
pub(super) struct Args {
    /// Only imports of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Only imports in this state; may be given several times
    #[arg(long = "state", value_name = "STATE")]
    states: Vec<State>,
    /// Only imports received longer ago than this: 30s, 10m, 2h, 7d
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Only imports received more recently than this
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    newer_than: Option<Duration>,
    /// Maximum number of imports to list, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole_number(1_u32..=10_000))]
    limit: u32,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

/// Reads a tenant's ID.
pub(super) fn tenant(text: &str) -> Result<Id, String> {
    let number: i64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Id::try_from(number).map_err(|error| error.to_string())
}

/// One line of the table, in the words of `status`.
macro_rules! columns {
    ($($cell:expr),* $(,)?) => {
        format!("{:<36} {:>10} {:<9} {:>7} {:>5} {:>7} {:>10} {:>6} {:>9} {:>7} {:>6}  {}", $($cell),*)
    };
}

/// The point in time that long ago.
pub(super) fn ago(age: Duration) -> anyhow::Result<OffsetDateTime> {
    let too_long = || Misconfigured("that is too long ago".to_owned());
    let age = time::Duration::try_from(age).map_err(|_| too_long())?;
    OffsetDateTime::now_utc()
        .checked_sub(age)
        .ok_or_else(|| too_long().into())
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&args.database).await?;
    let now = OffsetDateTime::now_utc();
    let filter = Filter {
        tenant_id: args.tenant,
        mode: None,
        states: args.states,
        before: args.older_than.map(ago).transpose()?,
        since: args.newer_than.map(ago).transpose()?,
        error: None,
    };
    let page = db.list(&filter, Paging::first(args.limit)).await?;
    let imports = page.items;
    let statuses = imports.iter().map(Status::of).collect::<Result<Vec<_>, _>>()?;
    let mut lines = vec![columns!(
        "import",
        "tenant",
        "state",
        "attempt",
        "rows",
        "created",
        "duplicates",
        "errors",
        "cancelled",
        "pending",
        "age",
        "last error",
    )];
    lines.extend(imports.iter().map(|import| line(import, now)));
    if page.next.is_some() {
        lines.push(format!("(the newest {}; more with --limit)", args.limit));
    }
    if imports.is_empty() {
        lines = vec!["no import matches".to_owned()];
    }
    show(args.json, &json!({ "imports": statuses }), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn line(import: &Import, now: OffsetDateTime) -> String {
    let summary = import.summary;
    let rejection = import.rejection.as_ref().map(|rejection| rejection.code.as_str());
    let paused = (import.is_paused && !import.state.is_final()).then_some("paused");
    let why = printable(rejection.or(paused).or(import.trouble()).unwrap_or_default());
    let text = columns!(
        import.job.import_id,
        import.job.tenant_id,
        import.state.as_str(),
        import.attempt,
        summary.total,
        summary.created,
        summary.duplicates,
        summary.errors,
        summary.cancelled,
        import.pending,
        short(now - import.received_at),
        why,
    );
    text.trim_end().to_owned()
}

/// A length of time in its largest unit.
fn short(age: time::Duration) -> String {
    match age.whole_seconds() {
        seconds if seconds < 60 => format!("{} s", seconds.max(0)),
        seconds if seconds < 60 * 60 => format!("{} min", seconds / 60),
        seconds if seconds < 24 * 60 * 60 => format!("{} h", seconds / (60 * 60)),
        seconds => format!("{} d", seconds / (24 * 60 * 60)),
    }
}
