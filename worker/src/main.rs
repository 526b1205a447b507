//! The program `user-import`: sets up TLS and logging, runs the command, prints errors, picks the exit code.

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;
use worker::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // With two providers in one program, rustls wants to be told which one to take.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        report("another TLS provider was installed before");
        return ExitCode::FAILURE;
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(cli.log_filter()));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    worker::engine::panics::log_places();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    match cli::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            report(&cli::message(&error));
            cli::failure(&error)
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where a command says why it failed"
)]
fn report(error: &str) {
    eprintln!("user-import: {error}");
}
