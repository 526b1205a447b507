//! What a dead letter means for its import: the import becomes `failed`, and the Dialer is told.

use shared::contract::event::Event;
use time::OffsetDateTime;

use crate::{
    broker::Delivery,
    db::{self, Db},
    message::{DeadReason, Subject, TaskKind},
    steps::event,
};

/// Gives up the import whose message is set aside, and returns the event that says so.
///
/// An import is left alone that the message is not entitled to end: another tenant's, one that is over, one that is in
/// another attempt, or one that had a valid job before this invalid one came with the same ID.
pub(super) async fn fail_import(
    db: &Db,
    delivery: &Delivery,
    subject: Subject,
    reason: DeadReason,
    error: &str,
) -> Result<Option<Event>, db::Error> {
    // A newer worker can do what the message asks for, so nothing is wrong with its import.
    if matches!(reason, DeadReason::ImportIdTaken | DeadReason::NewerVersion) {
        return Ok(None);
    }
    let found = db.find(subject.import_id).await?;
    match (found, delivery.kind) {
        (None, TaskKind::Receive) => event::never_received(
            subject.import_id,
            subject.tenant_id,
            &delivery.body,
            reason,
            OffsetDateTime::now_utc(),
        )
        .map(Some),
        (Some(_), TaskKind::Receive) if reason == DeadReason::Malformed => Ok(None),
        (Some(import), _) if subject.attempt.is_some_and(|attempt| attempt != import.attempt) => Ok(None),
        (Some(import), _) if import.job.tenant_id == subject.tenant_id => {
            db.fail(subject.tenant_id, subject.import_id, reason, error)
                .await?;
            match db.find(subject.import_id).await? {
                Some(import) => event::final_event(db, &import).await,
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}
