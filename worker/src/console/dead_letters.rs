//! What operators do with dead letters: the same for the page and for the API.

use super::{error::Error, state::Console};
use crate::{
    db::{Audit, DeadState},
    operate::{self, Resent},
};

/// Dead letters on a page, and so the most that one change touches.
pub(super) const PAGE_LETTERS: u32 = 100;

/// The outcome for dead letters that were to be replayed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replayed {
    /// How many were.
    pub(super) replayed: u64,
    /// How many were left where they are: too large to be kept, closed by somebody else, without a queue, or of an
    /// import that cannot be resumed as it is.
    pub(super) left: u64,
}

/// Replays dead letters, one by one. An error of the broker ends it; those before it stay replayed.
pub(super) async fn replay(console: &Console, letters: &[i64], audit: &Audit) -> Result<Replayed, Error> {
    let (link, _) = console.publisher.link().await?;
    let mut done = Replayed::default();
    for letter in letters {
        match operate::resend(&console.db, link.publisher(), *letter, audit).await {
            Ok(Resent::Import { .. } | Resent::Message) => done.replayed += 1,
            Ok(Resent::Cut | Resent::Closed | Resent::Unroutable(_) | Resent::Refused(_)) => done.left += 1,
            Err(error) => {
                // The next try begins with a new connection.
                console.publisher.forget().await;
                return Err(error.into());
            }
        }
    }
    Ok(done)
}

/// Discards dead letters, and returns how many were open until then.
pub(super) async fn discard(console: &Console, letters: &[i64], audit: &Audit) -> Result<u64, Error> {
    let closed = console
        .db
        .close_dead_letters(letters, DeadState::Discarded, audit)
        .await?;
    Ok(closed.len() as u64)
}
