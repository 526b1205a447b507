//! While the database is unavailable: a delivery is held and run again when the database is back. No retry is counted.
//!
//! Soon all workers hold as many deliveries as they may, and take no more until it is back, instead of sending every
//! message through a delay queue. A worker whose database stays unavailable gives up its link: it may be the only one
//! that is cut off, and others can do its work. It connects again when it can reach the database.

use std::time::Duration;

use backon::ExponentialBackoff;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{self, Db},
    message::Message,
    policy::{
        DATABASE_PATIENCE, MAX_BROKEN_CONNECTIONS, MAX_RECONNECT_DELAY, OUTAGE_CHECK_INTERVAL,
        reconnect_delays,
    },
    steps::Error,
};

/// Runs the attempt, and runs it again after each outage of the database; `None` if told to stop during one, or if one
/// lasts too long: then all that use the link are told to stop too.
pub(super) async fn through_outages<Attempt>(
    db: &Db,
    stop: &CancellationToken,
    attempt: impl Fn() -> Attempt,
) -> Option<Result<Vec<Message>, Error>>
where
    Attempt: Future<Output = Result<Vec<Message>, Error>>,
{
    let (mut broken, mut delays) = (0, reconnect_delays());
    loop {
        let outcome = tokio::select! {
            outcome = attempt() => outcome,
            outage = outage(db) => Err(Error::Database(outage)),
        };
        match outcome {
            Err(Error::Database(error)) if error.is_outage() && broken < MAX_BROKEN_CONNECTIONS => {
                broken += u32::from(error.is_broken_connection());
                tracing::warn!(%error, "database unavailable, keeping the message until it is back");
                // A server whose disk is full still answers a check.
                wait(&mut delays, stop).await;
                match tokio::time::timeout(DATABASE_PATIENCE, wait_for_database(db, stop)).await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(_) => {
                        tracing::warn!(
                            "the database is still unavailable, giving back all messages: another worker may reach it"
                        );
                        stop.cancel();
                        return None;
                    }
                }
            }
            outcome => return Some(outcome),
        }
    }
}

/// Ready once the database is unavailable.
async fn outage(db: &Db) -> db::Error {
    loop {
        tokio::time::sleep(OUTAGE_CHECK_INTERVAL).await;
        match db.check().await {
            Err(error) if error.is_outage() => return error,
            _ => {}
        }
    }
}

/// Waits until the database answers and has our schema; `false` if told to stop before.
///
/// A check of a silent server takes seconds. A worker that stops does not wait for that: the query runs on as a task of
/// its own, because sqlx returns a connection to the pool in an unknown state if a query is cancelled.
pub(super) async fn wait_for_database(db: &Db, stop: &CancellationToken) -> bool {
    let mut delays = reconnect_delays();
    while !stop.is_cancelled() {
        let asked = db.clone();
        let asked = tokio::spawn(async move { asked.check().await });
        let answer = tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            answer = asked => answer,
        };
        match answer {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => pause("database", &error, &mut delays, stop).await,
            Err(panicked) => pause("database", &panicked, &mut delays, stop).await,
        }
    }
    false
}

/// Logs that a server is unavailable and waits before the next attempt.
pub(super) async fn pause(
    server: &str,
    error: &(dyn std::error::Error + Sync),
    delays: &mut ExponentialBackoff,
    stop: &CancellationToken,
) {
    let delay: Duration = delays.next().unwrap_or(MAX_RECONNECT_DELAY);
    tracing::warn!(%error, "{server} unavailable, retrying in {} ms", delay.as_millis());
    let _ = tokio::time::timeout(delay, stop.cancelled()).await;
}

/// Waits before the next attempt.
pub(super) async fn wait(delays: &mut ExponentialBackoff, stop: &CancellationToken) {
    let delay = delays.next().unwrap_or(MAX_RECONNECT_DELAY);
    let _ = tokio::time::timeout(delay, stop.cancelled()).await;
}
