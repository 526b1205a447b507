//! What the operators' commands share: who makes a change and why, the question before it, and how results are shown.

use std::{
    io::{BufRead, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::Context;
use serde::Serialize;
use shared::text::printable_lines;

use super::{
    import_id::ImportId,
    terminal::{print, print_json},
};
use crate::{
    broker,
    db::{self, Audit, Db, Import},
};

/// Exit code of a command that would have changed something and was not told to.
pub(super) const NOT_CONFIRMED: u8 = 5;

/// Who makes a change, and why: for the audit trail.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct By {
    /// Who makes the change, for the audit trail
    #[arg(long, env = "USER", value_name = "NAME", default_value = "unknown")]
    by: String,
    /// Why, for the audit trail: a ticket, a sentence
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl By {
    pub(super) fn audit(&self, command: &'static str) -> Audit {
        Audit {
            command,
            operator: self.by.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// What `cancel` and `replay` take alike.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Change {
    /// The import's ID, or its beginning
    #[arg(value_name = "ID")]
    import_id: ImportId,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(super) yes: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) by: By,
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    pub(super) broker: broker::Options,
}

impl Change {
    /// The database, and the import as it stands.
    pub(super) async fn open(&self) -> anyhow::Result<(Db, Import)> {
        let db = Db::connect(&self.database).await?;
        let found = self.import_id.find(&db).await?;
        Ok((db, found))
    }
}

/// Whether to go ahead: told to by `--yes`, or asked on a terminal.
pub(super) fn confirmed(yes: bool, json: bool, what: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    let input = std::io::stdin();
    if json || !input.is_terminal() || !std::io::stdout().is_terminal() {
        return Ok(false);
    }
    let mut out = std::io::stdout().lock();
    write!(out, "{}\nGo ahead? [y/N] ", printable_lines(what))?;
    out.flush()?;
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Says what would have been done.
pub(super) fn not_confirmed(json: bool, what: &str) -> anyhow::Result<ExitCode> {
    let text = format!("{what}\nnothing was changed: add --yes to go ahead");
    show(
        json,
        &serde_json::json!({ "changed": false, "would": what }),
        &text,
    )?;
    Ok(ExitCode::from(NOT_CONFIRMED))
}

/// Prints a result: one line of JSON, or text whose line breaks are ours.
pub(super) fn show(json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
    if json { print_json(value) } else { print(text) }
}
