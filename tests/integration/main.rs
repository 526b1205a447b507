//! The worker against real PostgreSQL, RabbitMQ and S3. The modules read as the specification of a worker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

mod columns;
mod import;
mod jobs;
mod killed;
mod other_language;
mod schema;
mod steps;
mod submit;
