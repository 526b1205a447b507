//! What the program tells of itself: its log, its metrics, its traces, and whether it is alive and ready.
//!
//! A room that others call and that calls nobody, but for [`server`], which asks the database how much work waits.

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
