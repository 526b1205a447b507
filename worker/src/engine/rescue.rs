//! Rescue: imports whose messages the broker has lost go in, their jobs are published again.
//!
//! Each look also destroys the password seeds of imports that failed too long ago.
//!
//! Every worker looks now and then; the database lets one look at a time. For how a lost import is told from one that
//! waits behind a backlog, see [`crate::db::Db::rescue`]. An import that was rescued too often without progress fails
//! when its next job is received, see [`crate::steps::receive`]: that way a message fails it, like any other import.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::publish::note_silence;
use crate::{
    broker::Link,
    db::{self, Db},
    message::{MarkedQueue, Marker, Message},
    policy::{LAST_LOOK, LOOKS_PER_QUIET_TIME},
    steps::{Context, Error},
};

/// Markers that wait for the broker's confirm at one time.
const MARKERS_AT_A_TIME: usize = 2;

/// How long the rescue waits before it acts.
#[derive(Debug, Clone, Copy)]
pub struct RescueOptions {
    /// How long an import may be without progress before its messages are looked for.
    pub quiet: Duration,
    /// How long the password seed of an import that failed is kept.
    pub seeds_kept: Duration,
}

/// Looks again and again until told to stop. What a look finds is published as one of these tasks.
pub(super) async fn rescue(
    context: &Arc<Context>,
    link: &Arc<Link>,
    options: RescueOptions,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) {
    let RescueOptions { quiet, seeds_kept } = options;
    let queues: Vec<MarkedQueue> = link.topology().marked_queues().collect();
    loop {
        // Jitter, so that workers that were started together do not always look together.
        let pause = (quiet / LOOKS_PER_QUIET_TIME).mul_f64(0.75 + rand::random::<f64>() / 2.0);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // A task of its own, so that no transaction is cancelled in the middle.
        let (db, asked) = (context.db.clone(), queues.clone());
        let mut looking = tokio::spawn(async move {
            destroy_old_seeds(&db, seeds_kept).await;
            db.rescue(&asked, quiet).await
        });
        let looked = tokio::select! {
            looked = &mut looking => looked,
            // What it finds is published too: otherwise the import has used up one of its rescues for nothing.
            () = stop.cancelled() => match tokio::time::timeout(LAST_LOOK, looking).await {
                Ok(looked) => looked,
                Err(_) => return,
            },
        };
        let published = match looked {
            Ok(Ok(found)) => tasks.spawn(publish(found, Arc::clone(context), Arc::clone(link))),
            // It looks again; if the trouble persists, the steps report it.
            Ok(Err(error)) => {
                tracing::debug!(%error, "could not look for lost messages");
                continue;
            }
            Err(panicked) => {
                tracing::error!(%panicked, "could not look for lost messages");
                continue;
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            published = published => if let Err(panicked) = published {
                tracing::error!(%panicked, "could not publish what the rescue found");
            },
        }
    }
}

/// An error that keeps seeds from being destroyed must not keep imports from being rescued.
async fn destroy_old_seeds(db: &Db, kept: Duration) {
    match db.destroy_old_seeds(kept).await {
        Ok(import_ids) => {
            for import_id in import_ids {
                tracing::warn!(%import_id, "its password seed was destroyed, because the import failed too long ago");
            }
        }
        Err(error) if error.is_outage() => {
            tracing::debug!(%error, "old password seeds could not be destroyed")
        }
        Err(error) => tracing::error!(%error, "old password seeds could not be destroyed"),
    }
}

async fn publish(found: db::Rescue, context: Arc<Context>, link: Arc<Link>) {
    for job in &found.lost {
        tracing::warn!(import_id = %job.import_id, "its messages were lost, publishing its job again");
    }
    let what = match (found.lost.is_empty(), found.markers.is_empty()) {
        (false, _) => "lost",
        (true, false) => "probes",
        (true, true) => return,
    };
    tracing::debug!(what, "publishing what the rescue found");
    crash_point!(&format!("{what}-committed"));
    let lost = found.lost.len();
    let jobs = found.lost.into_iter().map(|job| Message::Job(Box::new(job)));
    let jobs: Vec<Message> = jobs.collect();
    // Each marker by itself: a queue that does not accept its own is just what they are to show. And few at a time:
    // each that does not answer holds a channel for seconds, which steps need.
    let markers = stream::iter(found.markers)
        .map(async |marker| {
            let marked = link.publisher().publish(&[Message::Marker(marker)]).await;
            note_silence(&context, &link, &marked).await;
            marked
        })
        .buffer_unordered(MARKERS_AT_A_TIME)
        .collect::<Vec<_>>();
    let (rescued, marked) = tokio::join!(link.publisher().publish(&jobs), markers);
    if rescued.is_ok() {
        context.metrics.rescued(lost);
    }
    if let Some(error) = marked.into_iter().chain([rescued]).find_map(Result::err) {
        tracing::warn!(%error, what, "could not publish what the rescue found, retrying at the next look");
        return;
    }
    crash_point!(&format!("{what}-published"));
}

/// Records that a marker came out of its queue.
pub(super) async fn note_marker(context: &Context, marker: &Marker) -> Result<Vec<Message>, Error> {
    match context.db.note_marker(marker).await {
        Err(error) if error.is_outage() => return Err(error.into()),
        // Another one will be sent. Through a delay queue this one would return too late to prove anything.
        Err(error) => tracing::warn!(%error, "could not record a marker"),
        Ok(()) => {}
    }
    Ok(Vec::new())
}
