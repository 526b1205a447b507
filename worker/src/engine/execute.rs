//! Custody of one delivery: its step is run, what follows is published, and only then is it acknowledged.
//!
//! This order is the whole of custody. A step makes its effect durable before it returns; its messages are confirmed and
//! routed before the acknowledgement; a crash in between makes the broker deliver again, and every step may run twice.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use shared::contract::job::MAX_JOB_BYTES;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    fail::fail_import,
    panics,
    retry::{self, Disposition},
    worker::wait_for_database,
};
use crate::{
    broker::{self, Delivery, Link, Topology},
    db::{self, Db},
    message::{Marker, Message, Subject, TaskKind},
    steps::{Context, Error, batch::batch, event, plan::plan, receive::receive, report::report},
};

/// How often a suspect is handed out alone before it is held to be what killed its workers. Two deaths may be chance: a
/// machine that is switched off, a worker that is stopped; the third is not.
const MAX_DELIVERIES_ALONE: u32 = 3;

/// How often a step that met an outage of the database is run again at once when the database is back. An outage of any
/// length is one; that a step itself brings the server down every time shows after some.
const MAX_OUTAGES: u32 = 5;

/// How often the database is asked whether it is there while a step runs: a step that waits for a dead connection is
/// given up after seconds.
const PULSE: Duration = Duration::from_secs(5);

/// No step takes that long: the largest batch, 500 rows at a tenth of a second each, takes one minute, and two or three if
/// smaller ones overtake it.
const STEP_TIMEOUT: Duration = Duration::from_secs(300);

/// Keeps a delivery in custody until all that it causes is durable.
///
/// Returns without an acknowledgement if told to stop while the database is away: the delivery then comes again.
pub(crate) async fn execute(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    stop: &CancellationToken,
) -> Result<(), broker::Error> {
    let about = Subject::of(&delivery.body);
    let import_id = about.map(|about| tracing::field::display(about.import_id));
    let span = tracing::info_span!("step", kind = delivery.kind.as_str(), import_id);
    async {
        let Some(outcome) = run_through_outages(context, delivery, stop).await else {
            return Ok(());
        };
        match outcome {
            Ok(following) => {
                let following = with_last_event(context, delivery, about, following).await;
                link.publisher().publish(&following).await?;
            }
            Err(error) => dispose(context, link, delivery, about, &error).await?,
        }
        crash_point!(&format!("{}-published", delivery.kind.as_str()));
        delivery.acknowledge().await;
        crash_point!(&format!("{}-acknowledged", delivery.kind.as_str()));
        Ok(())
    }
    .instrument(span)
    .await
}

/// Runs the step. While the database is away the message stays in our hands: soon all workers hold as many as they
/// may, and take no more until it is back, instead of putting every message off. `None` if told to stop meanwhile.
async fn run_through_outages(
    context: &Context,
    delivery: &Delivery,
    stop: &CancellationToken,
) -> Option<Result<Vec<Message>, Error>> {
    for _ in 0..MAX_OUTAGES {
        let outcome = tokio::select! {
            outcome = run(context, delivery) => outcome,
            outage = outage(&context.db) => Err(Error::Database(outage)),
        };
        match outcome {
            Err(Error::Database(error)) if error.is_outage() => {
                tracing::warn!(%error, "waiting for the database");
                if !wait_for_database(context, stop).await {
                    return None;
                }
            }
            outcome => return Some(outcome),
        }
    }
    Some(run(context, delivery).await)
}

/// Ready once the database is away.
async fn outage(db: &Db) -> db::Error {
    loop {
        tokio::time::sleep(PULSE).await;
        match db.check().await {
            Err(error) if error.is_outage() => return error,
            _ => {}
        }
    }
}

async fn run(context: &Context, delivery: &Delivery) -> Result<Vec<Message>, Error> {
    if delivery.quarantined && delivery.delivery_count >= MAX_DELIVERIES_ALONE {
        return Err(Error::KillsWorkers {
            deliveries: delivery.delivery_count,
        });
    }
    // Before any step parses it. The largest messages of ours are jobs.
    if delivery.body.len() > MAX_JOB_BYTES {
        return Err(Error::Malformed(format!(
            "{} bytes are more than the {MAX_JOB_BYTES} that a message may have",
            delivery.body.len()
        )));
    }
    let step = async {
        crash_point!(&format!(
            "begun-{}",
            Subject::of(&delivery.body).map_or(uuid::Uuid::nil(), |about| about.import_id)
        ));
        match delivery.kind {
            TaskKind::Receive => receive(context, &delivery.body).await,
            TaskKind::Plan => plan(context, &delivery.body).await,
            TaskKind::Batch => batch(context, &delivery.body).await,
            TaskKind::Report => report(context, &delivery.body).await,
            TaskKind::Marker => came_out(context, &delivery.body).await,
        }
    };
    // The context holds no state that a panic could leave half changed.
    let caught = AssertUnwindSafe(step).catch_unwind();
    match tokio::time::timeout(STEP_TIMEOUT, caught).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::Panicked(panics::place())),
        Err(_) => Err(Error::Stalled {
            seconds: STEP_TIMEOUT.as_secs(),
        }),
    }
}

async fn came_out(context: &Context, body: &[u8]) -> Result<Vec<Message>, Error> {
    let probe: Marker = serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    match context.db.note_marker(&probe).await {
        Err(error) if error.is_outage() => return Err(error.into()),
        // The sweep sends another. By a delay queue this one would come back too late to tell anything.
        Err(error) => tracing::warn!(%error, "a probe could not be noted"),
        Ok(()) => {}
    }
    Ok(Vec::new())
}

/// A message that comes again and finds its import over may be the one that ended it, whose worker died before the event
/// was out. The event once more does no harm, because its ID is the same.
async fn with_last_event(
    context: &Context,
    delivery: &Delivery,
    about: Option<Subject>,
    mut following: Vec<Message>,
) -> Vec<Message> {
    if let Some(about) = about
        && delivery.redelivered
        && following.is_empty()
    {
        let event = async {
            match context.db.find(about.import_id).await? {
                Some(import) if import.job.tenant_id == about.tenant_id => {
                    event::last(&context.db, &import).await
                }
                _ => Ok(None),
            }
        };
        match event.await {
            Ok(event) => following.extend(event.map(Message::event)),
            Err(error) => tracing::warn!(%error, "whether an event is due could not be seen"),
        }
    }
    following
}

/// Carries the verdict on an error out.
async fn dispose(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    about: Option<Subject>,
    error: &Error,
) -> Result<(), broker::Error> {
    let reason = match retry::disposition(error, delivery.retry_count) {
        Disposition::Retry { retry_count } => {
            return retry_later(context, link, delivery, about, error, retry_count).await;
        }
        Disposition::DeadLetter(reason) => reason,
    };
    let text = error.to_string();
    let event = match about {
        Some(about) => fail_import(&context.db, delivery, about, reason, &text).await,
        None => Ok(None),
    };
    match event {
        Ok(event) => {
            crash_point!("given-up");
            tracing::error!(%error, reason = reason.as_str(), "set aside as a dead letter");
            let event: Vec<Message> = event.into_iter().map(Message::event).collect();
            link.publisher().publish(&event).await?;
            crash_point!("failure-told");
            link.publisher().dead_letter(delivery, reason, &text, about).await
        }
        // The database is the truth: an import must not fail for the Dialer and go on there.
        Err(unreachable) => {
            let retry_count = delivery.retry_count.saturating_add(1);
            retry_later(
                context,
                link,
                delivery,
                about,
                &Error::Database(unreachable),
                retry_count,
            )
            .await
        }
    }
}

/// Sends the message round by a delay queue.
async fn retry_later(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    about: Option<Subject>,
    error: &Error,
    retry_count: u32,
) -> Result<(), broker::Error> {
    tracing::warn!(%error, retry_count, "trying again later");
    link.publisher().retry(delivery, retry_count).await?;
    crash_point!("put-off");
    if let Some(about) = about
        && let Err(error) = context
            .db
            .note_retry(about.import_id, &error.to_string(), Topology::delay(retry_count))
            .await
    {
        // Only operators' information is lost; most likely the database is what failed in the first place.
        tracing::debug!(%error, "the retry could not be noted");
    }
    Ok(())
}
