//! The program `user-import`: sets up TLS and logging, runs the command, prints errors, picks the exit code.

use std::process::ExitCode;

use worker::cli::{self, Cli};

/// As much stack for the runtime's threads as Linux gives the main thread: without optimisation, the futures of a step do
/// not fit into the runtime's own 2 MiB.
const STACK_BYTES: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => {
            cli::complain(&format!("user-import: the runtime could not be started: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // With two providers in one program, rustls has to be told which one to use.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        cli::complain("user-import: another TLS provider was installed before");
        return ExitCode::FAILURE;
    }
    let log = match cli.start_log() {
        Ok(log) => log,
        Err(error) => {
            cli::complain(&format!("user-import: the log could not be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    worker::engine::panics::log_places();
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    let ended = cli::run(cli).await;
    drop(log);
    match ended {
        Ok(code) => code,
        Err(error) => {
            cli::complain(&format!("user-import: {}", cli::message(&error)));
            cli::failure(&error)
        }
    }
}
