//! The mass user import worker. `README.md` says what it is for, `ARCHITECTURE.md` how it works.
//!
//! The modules are declared in the order in which an import meets them.

/// A place where a test can make the worker die or panic: with the feature `failpoints`, and `FAILPOINTS="place=return"`
/// (abort) or `"place=panic"` in the environment. Nothing at all without the feature.
macro_rules! crash_point {
    ($place:expr) => {
        fail::fail_point!($place, |_| std::process::abort());
    };
}

pub mod secret;
pub mod tls;

pub mod broker;
pub mod db;
pub mod storage;

pub mod hashing;
pub mod password;
pub mod seal;

pub mod step;

pub mod receive;

pub mod plan;

pub mod rows;

pub mod report;

pub mod events;

mod custody;
pub mod failure;
pub mod panics;
pub mod sweep;
pub mod verdict;
pub mod work;

pub mod operate;

pub mod cli;
