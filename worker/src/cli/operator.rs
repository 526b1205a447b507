//! What the operators' commands share: who makes a change and why, the confirmation before it, and how results are
//! shown.

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
    secret::Secret,
};

/// Exit code of a command that would have changed something but was not confirmed.
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

/// The database of commands that change something: with the operator's own log-in if there is one, because the audit
/// trail identifies people by it.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub(super) struct OperatorsDatabase {
    /// URL of the database, with the operator's own log-in (a member of user_import_operator), which the audit trail
    /// records
    #[arg(
        long,
        env = "OPERATOR_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    operator_database_url: Option<Secret>,
    /// The same with the workers' log-in, which is used if OPERATOR_DATABASE_URL is not set
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        required_unless_present = "operator_database_url"
    )]
    database_url: Option<Secret>,
}

impl OperatorsDatabase {
    pub(super) async fn open(&self) -> anyhow::Result<Db> {
        let own = self.operator_database_url.as_ref();
        let database_url = own
            .or(self.database_url.as_ref())
            .context("set OPERATOR_DATABASE_URL")?;
        let options = db::Options {
            database_url: database_url.clone(),
            database_connections: 2,
        };
        Ok(Db::connect(&options).await?)
    }
}

/// Options that `cancel` and `replay` share.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Change {
    /// The import's ID, or a prefix of it
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
    database: OperatorsDatabase,
    #[command(flatten)]
    pub(super) broker: broker::Options,
}

impl Change {
    /// The database, and the import as it stands.
    pub(super) async fn open(&self) -> anyhow::Result<(Db, Import)> {
        let db = self.database.open().await?;
        let found = self.import_id.find(&db).await?;
        Ok((db, found))
    }
}

/// Whether to go ahead: because of `--yes`, or of the answer on a terminal.
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
