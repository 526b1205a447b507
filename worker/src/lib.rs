//! The mass user import worker. `README.md` says what it is for, `ARCHITECTURE.md` how it works.
//!
//! Each module uses only modules that are declared before it.

/// A place where a test can make the worker die or panic: with the feature `failpoints`, and `FAILPOINTS="place=return"`
/// (abort) or `"place=panic"` in the environment. Nothing at all without the feature.
macro_rules! crash_point {
    ($place:expr) => {
        fail::fail_point!($place, |_| std::process::abort());
    };
}

pub mod secret;
pub mod tls;
mod words;

pub mod message;
pub mod policy;

pub mod fair;

pub mod crypto;

pub mod broker;
pub mod db;
pub mod storage;

pub mod telemetry;

pub mod steps;

pub mod engine;
pub mod operate;

pub mod checks;

pub mod console;

pub mod cli;
