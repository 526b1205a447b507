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
pub mod contract;
mod dialer;
mod http;
mod process;
mod proxy;
pub mod raw_amqp;
mod tap;
mod tls;
mod world;

pub use altered_store::{AlteredStore, Answer};
pub use collector::{Collector, Span};
pub use dialer::{Reports, final_data};
pub use http::Watched;
pub use process::Worker;
pub use proxy::{Fault, Proxy, authority};
pub use tap::{Heard, Tap};
pub use tls::{Authority, TlsFront};
pub use world::{Tenant, World, in_world, in_world_of, storage};

use std::time::Duration;

/// How long a test waits for something that must come. Long, because the machine may be busy; whoever waits in vain
/// fails.
pub const DEADLINE: Duration = Duration::from_secs(180);

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
        Err(_) => panic!("in vain waited {} s for {what}", DEADLINE.as_secs()),
    }
}

/// A variable that `deploy/local/env` prints.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with deploy/local/test"))
}
