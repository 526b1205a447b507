//! The sweep: imports whose messages the broker has lost go in, their jobs come out once more.
//!
//! It looks at time and again, on every worker; the database lets one look at a time. How a lost import is told from one
//! that waits behind a backlog: see [`crate::db::Db::rescue`]. An import that was resumed in vain too often is given up
//! by its next job, see [`crate::steps::receive`]: that way it fails in the custody of a message, as any other.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    broker::Link,
    db,
    message::{Marker, Message},
    policy::{LAST_LOOK, LOOKS_PER_QUIET_TIME},
    steps::{Context, Error},
};

/// Looks again and again, until told to stop. What it found by then is published as one of these tasks.
pub(super) async fn rescue(
    context: &Arc<Context>,
    link: &Arc<Link>,
    quiet: Duration,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let queues: Vec<String> = link.topology().marked_keys().map(|key| key.to_string()).collect();
    loop {
        // Jitter, so that workers that were started together do not always look together.
        let pause = (quiet / LOOKS_PER_QUIET_TIME).mul_f64(0.75 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // A task of its own, so that nothing is broken off in the middle of a transaction.
        let (db, asked) = (context.db.clone(), queues.clone());
        let mut looking = tokio::spawn(async move { db.rescue(&asked, quiet).await });
        let looked = tokio::select! {
            looked = &mut looking => looked,
            // What it finds is published too: an import that is found again instead has one resumption less.
            () = stop.cancelled() => match tokio::time::timeout(LAST_LOOK, looking).await {
                Ok(looked) => looked,
                Err(_) => return,
            },
        };
        let published = match looked {
            Ok(Ok(found)) => tasks.spawn(publish(found, Arc::clone(link))),
            // Looks again; where the trouble is more than passing, the steps report it.
            Ok(Err(error)) => {
                tracing::debug!(%error, "the sweep could not look");
                continue;
            }
            Err(panicked) => {
                tracing::error!(%panicked, "the sweep could not look");
                continue;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            published = published => if let Err(panicked) = published {
                tracing::error!(%panicked, "the sweep could not publish");
            },
        }
    }
}

async fn publish(found: db::Rescue, link: Arc<Link>) {
    for job in &found.lost {
        tracing::warn!(import_id = %job.import_id, "its messages were lost: publishing its job again");
    }
    let what = match (found.lost.is_empty(), found.markers.is_empty()) {
        (false, _) => "lost",
        (true, false) => "probes",
        (true, true) => return,
    };
    tracing::debug!(what, "the sweep has found something to publish");
    crash_point!(&format!("{what}-committed"));
    let jobs = found.lost.into_iter().map(|job| Message::Job(Box::new(job)));
    let messages: Vec<Message> = found
        .markers
        .into_iter()
        .map(Message::Marker)
        .chain(jobs)
        .collect();
    if let Err(error) = link.publisher().publish(&messages).await {
        // Found again next time.
        tracing::warn!(%error, what, "what the sweep found could not be published");
        return;
    }
    crash_point!(&format!("{what}-published"));
}

/// Notes that a marker came out of its queue.
pub(super) async fn note_marker(context: &Context, marker: &Marker) -> Result<Vec<Message>, Error> {
    match context.db.note_marker(marker).await {
        Err(error) if error.is_outage() => return Err(error.into()),
        // Another one will be sent. By a delay queue this one would come back too late to tell anything.
        Err(error) => tracing::warn!(%error, "a marker could not be noted"),
        Ok(()) => {}
    }
    Ok(Vec::new())
}
