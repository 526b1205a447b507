//! The worker against real PostgreSQL, RabbitMQ and S3. The modules read as the specification of a worker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

mod asyncapi;
mod columns;
mod concurrent;
#[cfg(feature = "failpoints")]
mod crash;
mod events;
mod fair;
mod files;
mod import;
mod jobs;
mod killed;
mod lost;
mod operators;
mod operators_doctor;
mod operators_replay;
mod operators_tools;
mod options;
mod other_language;
mod outages;
mod permissions;
mod privacy;
mod reports;
mod schema;
mod steps;
mod submit;
mod tls;
