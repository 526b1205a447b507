//! What the program reports of itself: its log, its metrics, its traces, and whether it is alive and ready.
//!
//! Others call this module and it calls none of them, except for [`server`], which asks the database how much work
//! waits.

mod backlog;
pub mod health;
pub mod identity;
mod json_lines;
mod log_writer;
pub mod logs;
pub mod metrics;
mod registration;
pub mod server;
pub mod traces;
