//! What becomes of a delivery whose step failed: it is sent round by a delay queue, or set aside for an operator.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    fail::set_aside,
    outage::wait,
    publish::publish,
    retry::{Disposition, cause, disposition},
};
use crate::{
    broker::{self, Delivery, Link},
    message::{Message, Subject},
    policy,
    steps::{Context, Error},
    telemetry::traces,
};

/// Carries out the disposition of an error; the delivery can be acknowledged afterwards.
pub(super) async fn dispose(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    error: &Error,
) -> Result<(), broker::Error> {
    traces::failed(error);
    let reason = match disposition(error, delivery.retry_count) {
        Disposition::Retry { retry_count } => {
            return retry_later(context, link, delivery, subject, error, retry_count).await;
        }
        Disposition::DeadLetter(reason) => reason,
    };
    let letter = delivery.dead_letter(reason, &error.to_string(), subject);
    match set_aside(&context.db, delivery, &letter).await {
        Ok(event) => {
            crash_point!("given-up");
            tracing::error!(%error, reason = reason.as_str(), "message set aside as a dead letter");
            let event: Vec<Message> = event.into_iter().map(Message::event).collect();
            publish(context, link, delivery, &event).await?;
            crash_point!("failure-told");
            context.metrics.dead_letter(reason);
            Ok(())
        }
        // The database is the truth: an import must not fail for the Dialer and go on there.
        Err(unreachable) => {
            let retry_count = delivery.retry_count.saturating_add(1);
            let error = Error::Database(unreachable);
            retry_later(context, link, delivery, subject, &error, retry_count).await
        }
    }
}

/// Sends the message round by a delay queue.
async fn retry_later(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    error: &Error,
    retry_count: u32,
) -> Result<(), broker::Error> {
    let delay = policy::delay(retry_count).time;
    tracing::warn!(%error, retry_count, "step failed, retrying in {} s", delay.as_secs());
    link.publisher().retry(delivery, retry_count).await?;
    context.metrics.retried(delivery.kind, cause(error));
    crash_point!("put-off");
    note_retry(context, subject, error, delay).await;
    Ok(())
}

/// Lets a message wait whose step is done, because a queue refuses what follows from it. That is no fault of the message, so
/// no retry is counted, and none of the connection, so others go on. Where even the delay queue refuses, all queues do: the
/// message then stays in hand. `false` if told to stop meanwhile.
pub(super) async fn postpone(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    mut refused: broker::Error,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    let mut delays = policy::reconnect_delays();
    loop {
        tracing::warn!(error = %refused, "message postponed until the queue has room");
        match link.publisher().postpone(delivery, policy::NO_ROOM).await {
            Ok(()) => break,
            Err(error @ broker::Error::Refused { .. }) => refused = error,
            Err(error) => return Err(error),
        }
        wait(&mut delays, stop).await;
        if stop.is_cancelled() {
            return Ok(false);
        }
    }
    note_retry(context, subject, &refused, policy::delay(policy::NO_ROOM).time).await;
    Ok(true)
}

/// For operators: why the import waits, and until when.
async fn note_retry(
    context: &Context,
    subject: Option<Subject>,
    error: &(dyn std::error::Error + Sync),
    delay: Duration,
) {
    let Some(subject) = subject else { return };
    let text = error.to_string();
    if let Err(error) = context.db.note_retry(subject.import_id, &text, delay).await {
        // Most likely the database is what failed in the first place.
        tracing::debug!(%error, "could not record the retry");
    }
}
