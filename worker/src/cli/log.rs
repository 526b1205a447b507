//! The log: RUST_LOG chooses what is in it, but never what may not be.

use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::terminal::Log;

/// Starts logging; by this filter unless RUST_LOG has another.
pub fn start(default_filter: &str) {
    let filter = EnvFilter::try_from_default_env();
    let refused = filter.as_ref().err().map(ToString::to_string);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Log)
        .with_target(false)
        // A line is made fit to be shown as a whole, colours would be too.
        .with_ansi(false)
        // It would be told where the log itself is, and with a panic where that is gone.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter.unwrap_or_else(|_| EnvFilter::new(default_filter)))
        .with(limits())
        .init();
    if let Some(error) = refused
        && std::env::var_os("RUST_LOG").is_some_and(|filter| !filter.is_empty())
    {
        tracing::warn!(error, "RUST_LOG is not a filter, logging as without it");
    }
}

/// How much each part may say at most. lapin logs the frames of its log-in, and the bodies of messages that come back; of
/// what other libraries have on their lowest level nobody knows that it holds no secret.
fn limits() -> Targets {
    Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_target("lapin", LevelFilter::OFF)
        .with_targets(["shared", "user_import", "worker"].map(|ours| (ours, LevelFilter::TRACE)))
}
