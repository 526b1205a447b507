//! Dead letters: the number of one goes in, and its message is sent on its way again.
//!
//! It is published first, and marked as replayed only when the broker has it: whatever fails in between, the dead
//! letter is still open, and sending it once more is harmless, because every step may run twice.

use uuid::Uuid;

use super::{
    error::Error,
    replay::{ReplayOptions, replay},
};
use crate::{
    broker::{self, Publisher},
    db::{Audit, Db, DeadState, State, StoredDeadLetter},
};

/// The outcome of replaying a dead letter.
#[derive(Debug)]
pub enum Resent {
    /// Its import had failed and was resumed, which covers all that the message would do.
    Import {
        /// The import.
        import_id: Uuid,
        /// Its attempt from now on.
        attempt: u32,
    },
    /// The message was published again, as it first was.
    Message,
    /// Nothing: only its beginning was kept.
    Cut,
    /// Nothing: it was replayed or discarded before.
    Closed,
    /// Nothing: the broker has no queue for it.
    Unroutable(broker::Error),
    /// Nothing: its import cannot be resumed as it is.
    Refused(Error),
}

/// Sends a dead letter on its way again: resumes its import, if that has failed; otherwise publishes the message.
pub async fn resend(
    db: &Db,
    publisher: &Publisher,
    dead_letter_id: i64,
    audit: &Audit,
) -> Result<Resent, Error> {
    let Some(letter) = db.dead_letter(dead_letter_id, Some(DeadState::Open)).await? else {
        return Ok(Resent::Closed);
    };
    if letter.is_cut {
        return Ok(Resent::Cut);
    }
    let taken_up = match (letter.import_id, letter.import_state) {
        // Whoever wanted an import cancelled does not want it resumed.
        _ if letter.origin == broker::CANCEL => None,
        (Some(import_id), Some(State::Failed | State::Received | State::Running))
            if letter.import_state == Some(State::Failed) || is_of_earlier_attempt(db, &letter).await? =>
        {
            match take_up(db, publisher, import_id, audit).await {
                Err(error @ (Error::SeedGone { .. } | Error::Purged(_))) => {
                    return Ok(Resent::Refused(error));
                }
                taken_up => taken_up?,
            }
        }
        _ => None,
    };
    let (resent, has_entry) = match taken_up {
        Some(taken_up) => taken_up,
        None => {
            let Some(body) = db.dead_letter_body(dead_letter_id).await? else {
                return Ok(Resent::Closed);
            };
            match publisher.replay(&letter.origin, &body).await {
                Err(error @ broker::Error::Unroutable { .. }) => return Ok(Resent::Unroutable(error)),
                published => published?,
            }
            (Resent::Message, false)
        }
    };
    crash_point!("dead-letter-published");
    if has_entry {
        db.close_taken_up(dead_letter_id, audit).await?;
    } else {
        db.close_dead_letters(&[dead_letter_id], DeadState::Replayed, audit)
            .await?;
    }
    Ok(resent)
}

/// Whether the import has been resumed since, and not by the message: in a later attempt the message would do nothing.
async fn is_of_earlier_attempt(db: &Db, letter: &StoredDeadLetter) -> Result<bool, Error> {
    let (Some(import_id), Some(attempt)) = (letter.import_id, letter.attempt) else {
        return Ok(false);
    };
    let import = db.find(import_id).await?;
    Ok(import.is_some_and(|import| i64::from(import.attempt) > attempt))
}

/// Resumes the import, unless it has finished since, and says whether the audit trail has an entry for that. What was
/// cancelled stays cancelled.
async fn take_up(
    db: &Db,
    publisher: &Publisher,
    import_id: Uuid,
    audit: &Audit,
) -> Result<Option<(Resent, bool)>, Error> {
    let replayed = match replay(db, import_id, ReplayOptions::default(), audit).await {
        Err(Error::NothingToReplay { .. }) => return Ok(None),
        replayed => replayed?,
    };
    publisher.publish(&replayed.messages).await?;
    let resent = Resent::Import {
        import_id,
        attempt: replayed.import.attempt,
    };
    Ok(Some((resent, replayed.changed)))
}
