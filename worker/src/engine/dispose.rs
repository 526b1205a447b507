//! What is done with a delivery whose step failed: it is sent through a delay queue, or set aside for an operator.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    fail::set_aside,
    outage::{pause, wait},
    publish::publish,
    retry::{Disposition, cause, disposition},
};
use crate::{
    broker::{self, Delivery, Link},
    db::Delay,
    message::{Message, Subject},
    policy,
    steps::{Context, Error, event},
    telemetry::{metrics::Cause, traces},
};

/// Carries out the disposition of an error; the delivery can be acknowledged afterwards. `false` if told to stop in the
/// meantime.
pub(super) async fn dispose(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    error: &Error,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    traces::failed(cause(error), error);
    let reason = match disposition(error, delivery.retry_count) {
        Disposition::Retry { retry_count } => {
            retry_later(context, link, delivery, subject, error, retry_count).await?;
            return Ok(true);
        }
        Disposition::DeadLetter(reason) => reason,
    };
    let letter = delivery.dead_letter(reason, &error.to_string(), subject);
    let mut delays = policy::reconnect_delays();
    let mut written = set_aside(context, delivery, &letter).await;
    // Nothing else takes a message that kills its workers out of the quarantine.
    while let Err(unreachable) = &written
        && matches!(error, Error::KillsWorkers { .. })
    {
        pause("database", unreachable, &mut delays, stop).await;
        if stop.is_cancelled() {
            return Ok(false);
        }
        written = set_aside(context, delivery, &letter).await;
    }
    match written {
        Ok(event) => {
            crash_point!("given-up");
            tracing::error!(%error, reason = reason.as_str(), "message set aside as a dead letter");
            let event: Vec<Message> = event.into_iter().map(Message::event).collect();
            publish(context, link, &event).await?;
            crash_point!("failure-told");
            context.metrics.dead_letter(reason);
        }
        // The database is the truth: an import must not fail for the Dialer and go on in the database.
        Err(unreachable) => {
            let retry_count = delivery.retry_count.saturating_add(1);
            let error = Error::Database(unreachable);
            retry_later(context, link, delivery, subject, &error, retry_count).await?;
        }
    }
    Ok(true)
}

/// Sends the message through a delay queue.
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
    let noted = note_retry(context, subject, error, delay).await;
    // The first retry comes so soon that nobody needs to hear of it.
    if let Some(delay) = noted.filter(|_| retry_count > 1) {
        announce_delay(context, link, &delay, cause(error)).await;
    }
    Ok(())
}

/// Postpones a message whose step is done, because a queue refuses the messages that follow from it. That is not the
/// fault of the message, so no retry is counted, nor of the connection, so others go on. `false` if told to stop in the
/// meantime.
pub(super) async fn postpone(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    refused: broker::Error,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    tracing::warn!(error = %refused, "message postponed until the queue accepts the messages that follow from it");
    let is_postponed = send_round(link, delivery, stop).await?;
    if is_postponed {
        context.metrics.postponed();
        note_retry(context, subject, &refused, policy::POSTPONED.time).await;
    }
    Ok(is_postponed)
}

/// Postpones a message whose import is paused, in the same way. `false` if told to stop in the meantime.
pub(super) async fn wait_for_resume(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    tracing::debug!("the import is paused, message postponed");
    let is_postponed = send_round(link, delivery, stop).await?;
    if let Some(subject) = subject.filter(|_| is_postponed) {
        let wait = policy::POSTPONED.time;
        if let Err(error) = context.db.note_wait(&subject, wait).await {
            tracing::debug!(%error, "could not record the wait");
        }
    }
    Ok(is_postponed)
}

/// Makes the broker count the deliveries of a message in the quarantine from 0. `false` if told to stop in the
/// meantime.
pub(super) async fn count_anew(
    link: &Link,
    delivery: &Delivery,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    send_until_taken(link, delivery, Detour::Quarantine, stop).await
}

/// Where a message is sent again without counting a retry.
#[derive(Clone, Copy)]
enum Detour {
    /// Through a delay queue.
    Delay,
    /// Into the quarantine.
    Quarantine,
}

/// Sends a message through a delay queue, without counting a retry. If no delay queue accepts it, the message is held
/// until one does. `false` if told to stop in the meantime.
async fn send_round(
    link: &Link,
    delivery: &Delivery,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    send_until_taken(link, delivery, Detour::Delay, stop).await
}

async fn send_until_taken(
    link: &Link,
    delivery: &Delivery,
    way: Detour,
    stop: &CancellationToken,
) -> Result<bool, broker::Error> {
    let mut delays = policy::reconnect_delays();
    loop {
        let sent = match way {
            Detour::Delay => postpone_by_any(link, delivery).await,
            Detour::Quarantine => link.publisher().count_anew(delivery).await,
        };
        match sent {
            Ok(()) => return Ok(true),
            Err(error) if error.is_of_one_queue() => {
                tracing::warn!(%error, "message held until the queue accepts it");
            }
            Err(error) => return Err(error),
        }
        wait(&mut delays, stop).await;
        if stop.is_cancelled() {
            return Ok(false);
        }
    }
}

/// Sends a message through the first delay queue that accepts it: a message that is held keeps others waiting.
async fn postpone_by_any(link: &Link, delivery: &Delivery) -> Result<(), broker::Error> {
    let mut sent = link.publisher().postpone(delivery, policy::POSTPONED).await;
    for delay in policy::DELAYS.into_iter().skip(1) {
        if sent.as_ref().is_err_and(broker::Error::is_of_one_queue) {
            sent = link.publisher().postpone(delivery, delay).await;
        }
    }
    sent
}

/// For operators: why the import waits, and until when.
async fn note_retry(
    context: &Context,
    subject: Option<Subject>,
    error: &(dyn std::error::Error + Sync),
    delay: Duration,
) -> Option<Delay> {
    let subject = subject?;
    match context.db.note_retry(&subject, &error.to_string(), delay).await {
        Ok(noted) => noted,
        Err(error) => {
            // Most likely the database is what failed in the first place.
            tracing::debug!(%error, "could not record the retry");
            None
        }
    }
}

/// For the Dialer. The message does not depend on it: it is safe in its delay queue, and the next delay is reported as
/// well.
async fn announce_delay(context: &Context, link: &Link, delay: &Delay, cause: Cause) {
    let told = match event::delayed(delay, (cause.as_str(), cause.sentence())) {
        Ok(event) => publish(context, link, &[Message::event(event)])
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = told {
        tracing::warn!(error, "the Dialer could not be told of the delay");
    }
}
