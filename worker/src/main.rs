//! The program `user-import`: sets up TLS and logging, runs the command, prints errors, picks the exit code.

use std::process::ExitCode;

use worker::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // With two providers in one program, rustls wants to be told which one to take.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        cli::complain("user-import: another TLS provider was installed before");
        return ExitCode::FAILURE;
    }
    cli.start_log();
    worker::engine::panics::log_places();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    match cli::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&format!("user-import: {}", cli::message(&error)));
            cli::failure(&error)
        }
    }
}
