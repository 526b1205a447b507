//! `user-import dead`: list, show, replay, discard.

mod args;
mod change;
mod print;

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};
use shared::text::printable;

use self::{
    args::{ChangeArgs, FilterArgs},
    print::{Printer, line, value},
};
use super::operator::show;
use crate::{
    broker,
    db::{self, Db, DeadState, Page, Paging},
    words::whole_number,
};

/// The commands for dead letters.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List dead letters: the reason, the error, the import and its present state
    List(Box<ListArgs>),
    /// Show one dead letter with its whole message
    Show(Box<ShowArgs>),
    /// Publish dead letters again; a failed import is resumed as by `user-import replay`
    Replay(Box<ReplayArgs>),
    /// Discard dead letters; their imports do not change
    Discard(Box<DiscardArgs>),
}

/// Options of `dead list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The oldest come first. If there are more, the last line says how to list them.

Examples:
  user-import dead list --dead-reason retries_exhausted
  user-import dead list --after 4711
  user-import dead list --state discarded --newer-than 7d")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_enum, default_value_t = DeadState::Open)]
    state: DeadState,
    /// Only those with larger numbers
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: i64,
    /// Maximum number of dead letters to list
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = whole_number(1_u32..=10_000))]
    limit: u32,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

/// Options of `dead show`.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The dead letter's number, as `dead list` shows it
    #[arg(value_name = "NUMBER")]
    dead_letter_id: i64,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: db::Options,
}

/// Options of `dead replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Say which: one by its number, or --all, or all that match the filters --dead-reason, --tenant,
--import, --over, --older-than and --newer-than. A dead letter counts as replayed only after the
broker has stored and routed what replaces it. Running the command again, or twice at the same
time, is harmless.

Exit codes: 0 done; 2 usage; 1 any other failure, or a dead letter that could not be sent.

Examples:
  user-import dead replay --all --dry-run
  user-import dead replay --dead-reason retries_exhausted --reason 'storage is back'")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    change: ChangeArgs,
    #[command(flatten)]
    broker: broker::Options,
}

/// Options of `dead discard`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Say which: one by its number, or --all, or all that match the filters --dead-reason, --tenant,
--import, --over, --older-than and --newer-than. `dead list --state discarded` still shows them,
until `purge` removes them.

Exit codes: 0 done; 5 not confirmed, nothing was changed; 2 usage; 1 any other failure.

Example:
  user-import dead discard --over --yes")]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(*args).await,
        Command::Show(args) => show_one(*args).await,
        Command::Replay(args) => change::replay(args.change, &args.broker).await,
        Command::Discard(args) => change::discard(args.change).await,
    }
}

async fn list(args: ListArgs) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&args.database).await?;
    let filter = args.filter.filter(&db, None, Some(args.state)).await?;
    let paging = Paging {
        after: Some(args.after),
        limit: args.limit,
    };
    let Page { items: letters, next } = db.dead_letters(&filter, paging).await?;
    let mut printer = Printer::new(args.json);
    for letter in &letters {
        printer.letter(value(letter)?, &line(letter)?)?;
    }
    let last_line = match (letters.is_empty(), next) {
        (true, _) => "no dead letters".to_owned(),
        (false, Some(next)) => format!("(there are more: --after {next})"),
        (false, None) => String::new(),
    };
    printer.end(&[("next", json!(next))], &last_line)?;
    Ok(ExitCode::SUCCESS)
}

async fn show_one(args: ShowArgs) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&args.database).await?;
    let letter = db.dead_letter(args.dead_letter_id, None).await?;
    let body = db.dead_letter_body(args.dead_letter_id).await?;
    let Some((letter, body)) = letter.zip(body) else {
        bail!(
            "there is no dead letter {}: user-import dead list shows what there is",
            args.dead_letter_id
        );
    };
    let text = String::from_utf8_lossy(&body);
    let mut lines = format!("{}\n{}", line(&letter)?, printable(&text));
    if letter.is_cut {
        lines.push_str(&format!(
            "\n… the first {} of {} bytes: the rest was not kept",
            body.len(),
            letter.size_bytes
        ));
    }
    let mut value = value(&letter)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("body".to_owned(), Value::from(text));
    }
    show(args.json, &value, &lines)?;
    Ok(ExitCode::SUCCESS)
}
