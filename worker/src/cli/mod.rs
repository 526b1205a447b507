//! The command line `user-import`.

mod columns;
mod options;
mod status;
mod submit;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{broker, db::Db};

/// Mass user import for the Dialer: workers, and the commands of those who run them.
///
/// Every option can also be given as the environment variable named beside it.
#[derive(Debug, Parser)]
#[command(name = "user-import", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a worker: take import jobs and batches of rows from the broker until stopped
    ///
    /// SIGTERM and SIGINT: takes no new message, finishes what it holds within the grace period, exits 0. What it could
    /// not finish is delivered to another worker. Run as many workers as you like.
    Work(Box<work::Args>),
    /// Bring the database schema up to date; does nothing if it is
    Migrate(options::MigrateArgs),
    /// Declare all exchanges and queues; does nothing to those that are there
    Topology(broker::Options),
    /// Import a CSV file: upload it and publish the job, as the Dialer does
    Submit(Box<submit::Args>),
    /// Show the columns of a CSV file and the fields that they seem to hold; needs no server
    Columns(columns::Args),
    /// Show an import: state, counters, timings
    Status(status::Args),
}

/// Runs the command and says how it ended.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Work(args) => work::run(*args).await,
        Command::Migrate(args) => {
            Db::new(&args.options())?.migrate().await?;
            tracing::info!("the schema is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Topology(options) => {
            broker::declare(&options).await?;
            tracing::info!("exchanges and queues are declared");
            Ok(ExitCode::SUCCESS)
        }
        Command::Submit(args) => submit::run(*args).await,
        Command::Columns(args) => columns::run(args).await,
        Command::Status(args) => status::run(args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }
}
