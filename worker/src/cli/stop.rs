//! How to stop commands that run until they are stopped.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A program that a signal has ended exits with this plus the signal's number. Source: POSIX, Shell Command Language.
const KILLED_BY: i32 = 128;

/// A token that SIGTERM, SIGINT or SIGHUP cancels. The next one ends the process at once: what it holds then is
/// delivered again. `said` is logged at the first.
pub(super) fn stop_on_signal(said: &'static str) -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    // Read before we listen, because listening ends the ignoring.
    let ignores_hangup = ignores_hangup();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let token = stop.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = hangup.recv(), if !ignores_hangup => SignalKind::hangup(),
            }
        };
        next().await;
        tracing::info!("{said}");
        token.cancel();
        let signal = next().await;
        tracing::warn!("told to stop again, exiting at once: unfinished work will be done again");
        std::process::exit(KILLED_BY + signal.as_raw_value());
    });
    Ok(stop)
}

/// Whether we were started to outlive the terminal, as nohup does.
fn ignores_hangup() -> bool {
    // Source: proc(5), /proc/pid/status: a mask in which the lowest bit is signal 1, SIGHUP.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
