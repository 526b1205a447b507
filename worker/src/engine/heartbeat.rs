//! The worker's heartbeat: it records in the database that the worker is running, for operators to see, and deregisters
//! it at the end. Nothing depends on it, so errors here are only logged.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::outage_record::OutageRecord;
use crate::{
    db::Beat,
    steps::Context,
    telemetry::{
        health::{Health, Stage},
        identity::VERSION,
        metrics::Server,
    },
};

/// Time between two beats.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often to check whether the worker has entered another stage, which is reported at once.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A beat that takes longer is given up: milliseconds are enough, and others need its connection.
const BEAT_TIMEOUT: Duration = Duration::from_secs(5);

/// A worker that stops does not wait longer than this to deregister.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Beats for as long as the worker works.
pub(super) async fn beat_during<T>(
    working: impl Future<Output = T>,
    context: &Context,
    health: &Health,
    name: &str,
) -> T {
    let is_known = AtomicBool::new(false);
    let ended = tokio::select! {
        ended = working => ended,
        never = beat(context, health, name, &is_known) => never,
    };
    // If the database is unavailable, the worker does not deregister: its record goes stale, and is purged.
    if is_known.load(Ordering::Relaxed) {
        let left = tokio::time::timeout(LEAVE_TIMEOUT, context.db.leave(name)).await;
        if !matches!(left, Ok(Ok(()))) {
            tracing::debug!("could not deregister the worker in the database");
        }
    }
    ended
}

/// Beats, and notes whether the last beat was recorded.
async fn beat<T>(context: &Context, health: &Health, name: &str, is_known: &AtomicBool) -> T {
    let started = Instant::now();
    let mut last: Option<(Instant, Stage)> = None;
    let (mut outages, mut was_there) = (OutageRecord::default(), false);
    loop {
        let stage = health.stage();
        outages.see(stage);
        // While the database is unavailable, every look checks whether it is back.
        let is_due = outages.is_of_database()
            || last.is_none_or(|(at, told)| at.elapsed() >= INTERVAL || told != stage);
        // Before there is a database with a schema, it could not be recorded.
        was_there |= stage != Stage::WaitingForDatabase;
        if is_due && was_there {
            last = Some((Instant::now(), stage));
            let beat = Beat {
                name,
                version: VERSION,
                up: started.elapsed(),
                stage: stage.as_str(),
                in_hand: context.metrics.in_hand(),
            };
            let told = tokio::time::timeout(BEAT_TIMEOUT, context.db.beat(&beat)).await;
            let is_heard = matches!(told, Ok(Ok(())));
            is_known.store(is_heard, Ordering::Relaxed);
            let is_away = match &told {
                Ok(Ok(())) => false,
                Ok(Err(error)) => error.is_outage(),
                Err(_) => true,
            };
            outages.see_server(Server::Database, !is_away);
            match told {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the worker's heartbeat was not recorded"),
                Err(_) => tracing::debug!("the worker's heartbeat was not recorded in time"),
            }
            if is_heard {
                outages.tell(&context.db, name, BEAT_TIMEOUT).await;
            }
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
