//! The mass user import worker. `README.md` says what it is for, `ARCHITECTURE.md` how it works.
//!
//! The modules are declared in the order in which an import meets them.

pub mod secret;

pub mod broker;
pub mod db;
pub mod storage;

pub mod hashing;
pub mod password;
pub mod seal;

pub mod step;

pub mod plan;
pub mod rows;

pub mod report;

pub mod events;

pub mod failure;
pub mod verdict;
pub mod work;

pub mod cli;
