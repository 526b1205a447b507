//! What follows from a dead letter: its import becomes `failed`, or its job is refused; and the Dialer is told.

use shared::contract::{
    event::{Event, Refused},
    job,
};
use time::OffsetDateTime;

use crate::{
    broker::{CANCEL, Delivery, REQUESTED},
    db::{self, Db, State},
    message::{DeadLetter, DeadReason, Subject},
    steps::{Context, event},
};

/// Sets a message aside: it becomes a dead letter, and in the same transaction its import fails. Returns the event that
/// says so; for a job that ends no import, the event that it was refused.
///
/// An import that the message is not entitled to end is left alone: another tenant's, a finished one, one in another
/// attempt, or one that had a valid job before this invalid one came with the same ID. A cancel message can only end an
/// import as cancelled.
pub(super) async fn set_aside(
    context: &Context,
    delivery: &Delivery,
    letter: &DeadLetter,
) -> Result<Option<Event>, db::Error> {
    let db = &context.db;
    // Another job or a purged import has the ID, or a newer worker can do what the message asks for: nothing is wrong
    // with an import.
    let ends_none = matches!(
        letter.reason,
        DeadReason::ImportIdTaken | DeadReason::ImportPurged | DeadReason::NewerVersion
    );
    let subject = letter.subject.filter(|_| !ends_none);
    let found = match subject {
        Some(subject) => db.find(subject.import_id).await?,
        None => None,
    };
    // By its queue: its type is only what its publisher wrote.
    let (is_job, is_cancel) = (delivery.key() == REQUESTED, delivery.key() == CANCEL);
    let ends = |import: &db::Import| {
        subject.is_some_and(|subject| {
            import.job.tenant_id == subject.tenant_id
                && subject.attempt.is_none_or(|attempt| attempt == import.attempt)
                && !(is_job && letter.reason == DeadReason::Malformed)
                && !is_cancel
        })
    };
    let failing = subject.filter(|_| found.as_ref().is_some_and(ends));
    if db.set_aside(letter, failing).await? {
        context.metrics.ended(State::Failed);
    }
    // The request must not take effect when an operator resumes the import some day. A replay of the letter asks again.
    let has_asked = is_cancel && letter.reason != DeadReason::Malformed;
    if let Some(subject) = subject.filter(|_| has_asked) {
        db.close_cancellation(subject.import_id, subject.tenant_id)
            .await?;
    }
    match failing {
        Some(failing) => match db.find(failing.import_id).await? {
            Some(import) => event::final_event(db, &import).await,
            None => Ok(None),
        },
        None if is_job => refused(db, &delivery.body, letter.reason).await,
        None => Ok(None),
    }
}

/// The event that answers a job that was refused; none if its import ID cannot be read.
async fn refused(db: &Db, body: &[u8], reason: DeadReason) -> Result<Option<Event>, db::Error> {
    let Some((import_id, tenant_id)) = Subject::of_job(body) else {
        return Ok(None);
    };
    let (message, path) = match job::parse(body) {
        Err(invalid) if reason == DeadReason::Malformed => (
            format!("The job is not valid: {invalid}."),
            invalid.path().map(str::to_owned),
        ),
        _ => (reason.sentence().to_owned(), None),
    };
    let data = Refused {
        import_id,
        tenant_id,
        reason: reason.as_str().to_owned(),
        message,
        path,
    };
    event::refused(db, body, data, OffsetDateTime::now_utc())
        .await
        .map(Some)
}
