//! What becomes of a delivery whose step failed: it is sent round by a delay queue, or set aside for an operator.

use super::{
    fail::fail_import,
    retry::{Disposition, disposition},
};
use crate::{
    broker::{self, Delivery, Link},
    message::{Message, Subject},
    policy,
    steps::{Context, Error},
};

/// Carries out the disposition of an error; the delivery can be acknowledged afterwards.
pub(super) async fn dispose(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    subject: Option<Subject>,
    error: &Error,
) -> Result<(), broker::Error> {
    let reason = match disposition(error, delivery.retry_count) {
        Disposition::Retry { retry_count } => {
            return retry_later(context, link, delivery, subject, error, retry_count).await;
        }
        Disposition::DeadLetter(reason) => reason,
    };
    let text = error.to_string();
    let event = match subject {
        Some(subject) => fail_import(&context.db, delivery, subject, reason, &text).await,
        None => Ok(None),
    };
    match event {
        Ok(event) => {
            crash_point!("given-up");
            tracing::error!(%error, reason = reason.as_str(), "message set aside as a dead letter");
            let event: Vec<Message> = event.into_iter().map(Message::event).collect();
            link.publisher().publish(&event).await?;
            crash_point!("failure-told");
            link.publisher()
                .dead_letter(delivery, reason, &text, subject)
                .await
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
    crash_point!("put-off");
    if let Some(subject) = subject
        && let Err(error) = context
            .db
            .note_retry(subject.import_id, &error.to_string(), delay)
            .await
    {
        // Only operators' information is lost; most likely the database is what failed in the first place.
        tracing::debug!(%error, "the retry could not be noted");
    }
    Ok(())
}
