//! What a dead letter means for its import: the import becomes `failed`, and the Dialer is told.

use serde::Deserialize;
use shared::contract::{Id, event::Event, job::MAX_JOB_BYTES};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    broker::{DeadReason, Delivery, Step},
    db::{self, Db},
    events,
};

/// Messages larger than this are not looked into: four times the largest job, so that the Dialer is told of one that is a
/// little too large, and nothing of many MiB is parsed.
const MOST_BYTES: usize = 4 * MAX_JOB_BYTES;

/// Which import a message is about: what can be told even of a message that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct About {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its attempt; a job has none.
    pub attempt: Option<u32>,
}

impl About {
    /// `None` if the message does not say, or is far too large to be one of ours.
    pub fn of(body: &[u8]) -> Option<Self> {
        let body = Some(body).filter(|body| body.len() <= MOST_BYTES)?;
        serde_json::from_slice(body).ok()
    }
}

/// Gives up the import whose message is set aside, and returns the event that says so.
///
/// An import is left alone that the message is not entitled to end: another tenant's, one that is over, one that is in
/// another attempt, or one that had a valid job before this invalid one came with the same ID.
pub async fn give_up(
    db: &Db,
    delivery: &Delivery,
    about: About,
    reason: DeadReason,
    error: &str,
) -> Result<Option<Event>, db::Error> {
    if reason == DeadReason::ImportIdTaken {
        return Ok(None);
    }
    let found = db.find(about.import_id).await?;
    match (found, delivery.step) {
        (None, Step::Receive) => events::never_received(
            about.import_id,
            about.tenant_id,
            &delivery.body,
            reason,
            OffsetDateTime::now_utc(),
        )
        .map(Some),
        (Some(_), Step::Receive) if reason == DeadReason::Malformed => Ok(None),
        (Some(import), _) if about.attempt.is_some_and(|attempt| attempt != import.attempt) => Ok(None),
        (Some(import), _) if import.job.tenant_id == about.tenant_id => {
            db.fail(about.tenant_id, about.import_id, reason, error).await?;
            match db.find(about.import_id).await? {
                Some(import) => events::last(db, &import).await,
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_message_still_tells_its_import() {
        let body = br#"{"version": 9, "import_id": "7c0ffee0-0000-4000-8000-000000000001", "tenant_id": 7, "x": [1]}"#;
        let about = About::of(body).unwrap();
        assert_eq!(
            (about.import_id.as_u128() >> 96, about.tenant_id.get()),
            (0x7c0f_fee0, 7)
        );
        assert_eq!(About::of(b"no json"), None);
        assert_eq!(About::of(br#"{"tenant_id": 7}"#), None);
    }
}
