//! The load generator behind `deploy/local/load`: many tenants import at once, as the Dialer would do it, and the
//! results are reported in figures.
//!
//! ```text
//! options ─▶ run (world, workers, scenario) ─▶ watch (imports and their times) ─▶ figures (JSON, text) ─▶ plot (SVG)
//!                 limit: what Argon2 alone can do here        usage: processor time and memory by process
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measurement that fails ends with a panic"
)]

mod figures;
mod limit;
mod options;
mod plot;
mod run;
mod usage;
mod watch;

use clap::Parser;

#[tokio::main]
async fn main() {
    run::run(&options::Options::parse()).await;
}
