//! The command line `user-import`.

mod cancel;
mod columns;
mod console;
mod dead;
mod doctor;
mod follow;
mod import_id;
mod list;
mod operator;
mod options;
mod pause;
mod probe;
mod purge;
mod replay;
mod reports;
mod rotate_seals;
mod secret_files;
mod status;
mod stop;
mod submit;
mod terminal;
mod token;
mod topology;
mod watch;
mod work;

use std::process::ExitCode;

use anyhow::Context;
use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

pub use self::terminal::complain;

use crate::{
    broker,
    db::{self, Db},
    storage,
    telemetry::logs,
};

/// Mass user import for the Dialer: the worker, and the commands of its operators.
///
/// Every option can also be set by the environment variable named next to it, and a secret (a URL with a password, a
/// key) by the file that VARIABLE_FILE names.
#[derive(Debug, Parser)]
#[command(name = NAME, version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    log: logs::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a worker: take import jobs and batches of rows from the broker until stopped
    ///
    /// On SIGTERM, SIGINT or SIGHUP it takes no new messages, finishes what it holds within the grace period, and exits
    /// 0. What it could not finish is delivered to another worker. A second signal ends it at once, with exit code 143
    /// (SIGTERM), 130 (SIGINT) or 129 (SIGHUP). Exit code 2: the configuration is invalid. Run as many workers as you
    /// like.
    Work(Box<work::Args>),
    /// Bring the database schema up to date; does nothing if it already is
    Migrate(options::MigrateArgs),
    /// Declare all exchanges and queues; existing ones are left as they are
    Topology(topology::Args),
    /// Import a CSV file: upload it and publish the job, as the Dialer does
    Submit(Box<submit::Args>),
    /// Show the columns of a CSV file and the fields that they seem to hold; needs no server
    Columns(columns::Args),
    /// List imports: by tenant, state and age
    List(list::Args),
    /// Show an import: state, counters, timings, and its rows
    Status(status::Args),
    /// Follow an import until its state is final
    Watch(watch::Args),
    /// Stop an import: rows already created stay, pending ones are cancelled, the reports say what happened
    Cancel(Box<cancel::Args>),
    /// Fetch the reports of an import: the CSV with its temporary passwords, and the one with the rows that need fixing
    Reports(Box<reports::Args>),
    /// Resume a failed or cancelled import where it stopped
    Replay(Box<replay::Args>),
    /// Pause the imports of a tenant, or of all tenants, until `resume`
    Pause(Box<pause::PauseArgs>),
    /// End a pause
    Resume(Box<pause::ResumeArgs>),
    /// Show, replay or discard dead letters: messages that could not be processed
    #[command(subcommand)]
    Dead(dead::Command),
    /// Check configuration, servers, permissions and keys, and say what to do
    Doctor(doctor::Args),
    /// Ask a worker on this machine whether it is alive; for the health checks of containers
    Probe(probe::Args),
    /// Serve the console: pages for administrators and operators, and their API
    Console(Box<console::Args>),
    /// Make a token that signs somebody in to the console
    Token(token::Args),
    /// End sessions and tokens of the console, by person or by key
    Revoke(token::RevokeArgs),
    /// Delete old data: success CSVs, then rows and error CSVs, then imports
    Purge(Box<purge::Args>),
    /// Print a completion script for a shell
    #[command(after_help = "For bash: source <(user-import completions bash)")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command
    Man {
        /// The folder, which must exist
        #[arg(long, value_name = "DIR")]
        out: std::path::PathBuf,
    },
    /// Reseal all open password seeds with the first of the SEAL_KEYS, while workers run
    RotateSeals(Box<rotate_seals::Args>),
}

impl Cli {
    /// Reads the command line. Help and errors of clap are printed here, so only the exit code is left to return.
    pub fn read() -> Result<Self, ExitCode> {
        let (command, unread) = secret_files::applied(Self::command());
        let error = match command
            .try_get_matches()
            .and_then(|found| Self::from_arg_matches(&found))
        {
            Ok(cli) => return Ok(cli),
            Err(error) => error,
        };
        if error.use_stderr() {
            complain(error.render().to_string().trim_end());
            let mut command = Self::command();
            command.build();
            if let Some(hint) = missing(&error, &command) {
                complain(&hint);
            }
            for file in unread {
                complain(&file);
            }
        } else {
            // The reader may have closed the pipe.
            let _ = error.print();
        }
        Err(u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from))
    }

    /// Starts the log. Call it once, and keep the result until the program ends.
    pub fn start_log(&self) -> std::io::Result<logs::LogEnd> {
        self.log.start(self.log_filter())
    }

    /// What is logged unless RUST_LOG says otherwise.
    const fn log_filter(&self) -> &'static str {
        match self.command {
            // It sends requests that the broker answers with errors, and explains these itself.
            Command::Doctor(_) => "warn,lapin=off",
            // lapin's warnings print the bodies of messages that were returned.
            _ => "info,lapin=off,sqlx=warn,opentelemetry=warn",
        }
    }
}

/// Runs the command and returns its exit code.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Work(args) => work::run(*args, &cli.log.name()).await,
        Command::Migrate(args) => {
            Db::new(&args.options())
                .context("MIGRATE_DATABASE_URL cannot be used")?
                .migrate()
                .await?;
            tracing::info!("the schema is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Topology(args) => topology::run(args).await,
        Command::Submit(args) => submit::run(*args).await,
        Command::Columns(args) => columns::run(args).await,
        Command::List(args) => list::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Watch(args) => watch::run(args).await,
        Command::Cancel(args) => cancel::run(*args).await,
        Command::Reports(args) => reports::run(*args).await,
        Command::Pause(args) => pause::pause(*args).await,
        Command::Resume(args) => pause::resume(*args).await,
        Command::Replay(args) => replay::run(*args).await,
        Command::Dead(command) => dead::run(command).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Probe(args) => probe::run(args).await,
        Command::Console(args) => console::run(*args).await,
        Command::Token(args) => token::run(&args),
        Command::Revoke(args) => token::revoke(args).await,
        Command::Purge(args) => purge::run(*args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
            terminal::print(&String::from_utf8_lossy(&script))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { out } => {
            clap_mangen::generate_to(Cli::command(), &out)
                .with_context(|| format!("cannot write manual pages to {}", out.display()))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::RotateSeals(args) => rotate_seals::run(*args).await,
    }
}

/// Where to get the environment variables that are missing.
fn missing(error: &clap::Error, command: &clap::Command) -> Option<String> {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let mut variables = Vec::new();
    collect_variables(command, missing, &mut variables);
    if variables.is_empty() {
        return None;
    }
    Some(format!(
        "\nNot set: {}. With the servers of deploy/local: eval \"$(deploy/local/env)\"; elsewhere, set them as described in the \
         section \"Configuration\" of README.md.",
        variables.join(", ")
    ))
}

/// Collects the variables of the named options of all commands, which must have been built.
fn collect_variables(command: &clap::Command, options: &[String], found: &mut Vec<String>) {
    for arg in command.get_arguments() {
        if let Some(variable) = arg.get_env()
            && options.contains(&arg.to_string())
        {
            let variable = variable.to_string_lossy().into_owned();
            if !found.contains(&variable) {
                found.push(variable);
            }
        }
    }
    for command in command.get_subcommands() {
        collect_variables(command, options, found);
    }
}

/// Why a command failed, with all causes. Many errors of libraries repeat their cause in their own text; it is not
/// printed twice.
pub fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
    }
    text
}

/// The exit code of a command that failed: 2, as for any usage error, if its configuration is invalid.
pub fn failure(error: &anyhow::Error) -> ExitCode {
    let is_configuration = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<options::Misconfigured>()
            || matches!(cause.downcast_ref(), Some(db::Error::Url(_)))
            || matches!(cause.downcast_ref(), Some(broker::Error::Url))
            || matches!(cause.downcast_ref(), Some(storage::Error::Endpoint))
    };
    if error.chain().any(is_configuration) {
        ExitCode::from(USAGE)
    } else if error.is::<follow::Interrupted>() {
        ExitCode::from(INTERRUPTED)
    } else {
        ExitCode::FAILURE
    }
}

/// Name of the program.
const NAME: &str = "user-import";

/// Exit code of a command that was ended by Ctrl-C. Source: POSIX, Shell Command Language.
const INTERRUPTED: u8 = 130;

/// Exit code of a usage error, the same as clap's.
const USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("database: {0}")]
    struct Repeating(#[source] std::io::Error);

    #[test]
    fn a_cause_that_stands_in_the_text_already_is_not_said_again() {
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let repeating = anyhow::Error::new(Repeating(refused()));
        assert_eq!(message(&repeating), "database: connection refused");
        let layered = anyhow::Error::new(refused()).context("cannot read the file");
        assert_eq!(message(&layered), "cannot read the file: connection refused");
    }

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }
}
