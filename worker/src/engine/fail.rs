//! What a dead letter means for its import: the import becomes `failed`, and the Dialer is told.

use shared::contract::event::Event;
use time::OffsetDateTime;

use crate::{
    broker::Delivery,
    db::{self, Db},
    message::{DeadLetter, DeadReason, TaskKind},
    steps::event,
};

/// Sets a message aside: it becomes a dead letter, and in the same transaction its import fails. Returns the event that
/// says so.
///
/// An import is left alone that the message is not entitled to end: another tenant's, one that is over, one that is in
/// another attempt, or one that had a valid job before this invalid one came with the same ID.
pub(super) async fn set_aside(
    db: &Db,
    delivery: &Delivery,
    letter: &DeadLetter,
) -> Result<Option<Event>, db::Error> {
    // A newer worker can do what the message asks for, so nothing is wrong with its import.
    let is_elsewhere = matches!(
        letter.reason,
        DeadReason::ImportIdTaken | DeadReason::NewerVersion
    );
    let subject = letter.subject.filter(|_| !is_elsewhere);
    let found = match subject {
        Some(subject) => db.find(subject.import_id).await?,
        None => None,
    };
    let is_job = delivery.kind == TaskKind::Receive;
    let ends = |import: &db::Import| {
        subject.is_some_and(|subject| {
            import.job.tenant_id == subject.tenant_id
                && subject.attempt.is_none_or(|attempt| attempt == import.attempt)
                && !(is_job && letter.reason == DeadReason::Malformed)
        })
    };
    let failing = subject.filter(|_| found.as_ref().is_some_and(ends));
    db.set_aside(letter, failing).await?;
    match (subject, failing) {
        (Some(subject), None) if found.is_none() && is_job => {
            let now = OffsetDateTime::now_utc();
            let (import_id, tenant_id) = (subject.import_id, subject.tenant_id);
            event::never_received(import_id, tenant_id, &delivery.body, letter.reason, now).map(Some)
        }
        (_, Some(failing)) => match db.find(failing.import_id).await? {
            Some(import) => event::final_event(db, &import).await,
            None => Ok(None),
        },
        _ => Ok(None),
    }
}
