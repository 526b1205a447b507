//! The worker against real PostgreSQL, RabbitMQ and S3. The modules read as the specification of a worker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends with a panic"
)]

mod imports {
    mod names;
    mod options;
    mod outcomes;
    mod password_expiry;
    mod reports;
}
mod files {
    mod columns;
    mod other_tools;
}
mod jobs {
    mod malformed;
    mod rejected;
    mod repeated;
}
mod contract {
    mod answers;
    mod asyncapi;
    mod cancel;
    mod events;
    mod identity;
    mod integration_guide;
    mod python;
    mod reader;
    mod runbook;
}
mod faults {
    #[cfg(feature = "failpoints")]
    mod crashes;
    mod database;
    mod database_errors;
    mod dead_letters;
    mod full_queues;
    mod hanging_log;
    mod killed;
    mod lost_messages;
    mod outages;
    mod process;
    mod redelivery;
    mod stopping;
    mod store;
}
mod fairness {
    mod floods;
}
mod operators {
    mod cancel_and_replay;
    mod command_line;
    mod configuration;
    mod dead_letters;
    pub(crate) mod doctor;
    mod doctor_broker;
    mod doctor_clock;
    mod doctor_servers;
    mod erasure;
    mod interrupted_replays;
    mod lists;
    mod old_seeds;
    mod old_way;
    mod pairs;
    mod pauses;
    mod purge;
    mod reports;
    mod seal_keys;
    mod situations;
    mod submit;
    mod terminal;
}
mod console {
    mod access;
    mod api;
    mod browser;
    mod examples;
    mod findings;
    mod lists;
    mod operators;
    mod overview;
    mod pauses;
    mod requests;
    mod sessions;
    mod visits;
    mod wizard;
}
mod telemetry {
    mod logs;
    mod metrics;
    mod monitoring;
    mod probe;
    mod traces;
}
mod security {
    mod database_role;
    mod foreign_text;
    mod hostile_messages;
    mod permissions;
    mod privacy;
    mod rights;
    mod schema;
    mod secrets;
    mod tls;
}
