//! What the integration tests share: a world of their own on the local servers, workers as processes, and the
//! Dialer's side of the contract.
//!
//! The servers are those of `deploy/local/env`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test ends with a panic"
)]

mod altered_store;
mod collector;
mod console;
pub mod contract;
mod dead_letters;
pub mod dialer;
mod gate;
mod http;
mod import;
mod own_server;
mod process;
mod proxy;
mod queues;
pub mod raw_amqp;
mod servers;
pub mod steps;
mod tap;
mod tls;
mod world;

pub use altered_store::{AlteredStore, Answer};
pub use collector::{Collector, Span};
pub use console::{Console, Reply};
pub use dialer::Dialer;
pub use gate::Gate;
pub use http::Watched;
pub use import::{Reports, final_data, good_rows, id, records, summary, verifies};
pub use own_server::OwnServer;
pub use process::{Ran, Worker, built};
pub use proxy::{Fault, Proxy, Ways, authority};
pub use queues::Queues;
pub use servers::{storage, variable};
pub use tap::{Heard, Tap};
pub use tls::{Authority, TlsFront};
pub use world::{Tenant, World, in_world, in_world_of};

use std::time::Duration;

/// How long a test waits for something that must come. Long, because the machine may be busy; whoever waits longer
/// fails.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// Seal keys of somebody else: nothing that a test's worker sealed opens with them.
pub const OTHER_SEAL_KEY: &str = "other:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// Says what this machine cannot run. Writes to standard error directly: nobody sees the captured output of a test that
/// passes.
pub fn skipped(what: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "SKIPPED: {what}").expect("standard error");
}

/// Asks again and again until there is an answer; panics at the deadline.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(DEADLINE, asking).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {} s for {what}", DEADLINE.as_secs()),
    }
}
