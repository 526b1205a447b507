//! What becomes of a message: the one place that decides, by the meaning of the error.

use crate::{broker::DeadReason, db::Severity, seal, step::Error};

/// Tries of an error that passes by itself: with the ladder of delays (1 s, 5 s, 30 s, 2 min, then 10 min each) about
/// two hours, in which people can repair a server.
const MAX_TRIES_TRANSIENT: u32 = 16;

/// Tries of an error that nobody foresaw: it may pass, but is more likely a defect. About half a minute.
const MAX_TRIES_UNEXPECTED: u32 = 4;

/// What becomes of a message whose step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again after a delay; this many tries have failed by now.
    Retry {
        /// Failed tries, this one included.
        tries: u32,
    },
    /// It is set aside for an operator, and its import fails.
    DeadLetter(DeadReason),
}

/// Decides what becomes of a message that has failed `tries` times before and failed now with this error.
pub fn on_error(error: &Error, tries: u32) -> Verdict {
    // The count comes from a header, in which anything may stand.
    let failed = tries.saturating_add(1);
    let retry_up_to = |max_tries| {
        if failed < max_tries {
            Verdict::Retry { tries: failed }
        } else {
            Verdict::DeadLetter(DeadReason::RetriesExhausted)
        }
    };
    match error {
        Error::Malformed(_) => Verdict::DeadLetter(DeadReason::Malformed),
        Error::ImportIdTaken => Verdict::DeadLetter(DeadReason::ImportIdTaken),
        // Another worker may have the key: while keys are rotated, not all workers have the same ring.
        Error::Seal(seal::Error::UnknownKey(_)) if failed < MAX_TRIES_UNEXPECTED => {
            Verdict::Retry { tries: failed }
        }
        Error::Seal(_) | Error::SeedMissing => Verdict::DeadLetter(DeadReason::Permanent),
        Error::KillsWorkers { .. } => Verdict::DeadLetter(DeadReason::KillsWorkers),
        Error::MessagesLost { .. } => Verdict::DeadLetter(DeadReason::MessagesLost),
        Error::Storage(_) | Error::Randomness(_) | Error::Stalled { .. } => retry_up_to(MAX_TRIES_TRANSIENT),
        Error::Database(error) => match error.severity() {
            Severity::Transient => retry_up_to(MAX_TRIES_TRANSIENT),
            Severity::Unexpected => retry_up_to(MAX_TRIES_UNEXPECTED),
        },
        Error::Hashing(_) | Error::Panicked(_) => retry_up_to(MAX_TRIES_UNEXPECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db, storage};

    #[test]
    fn what_no_retry_mends_is_set_aside_at_once() {
        let cases = [
            (Error::Malformed("x".into()), DeadReason::Malformed),
            (Error::ImportIdTaken, DeadReason::ImportIdTaken),
            (Error::SeedMissing, DeadReason::Permanent),
            (Error::KillsWorkers { returns: 3 }, DeadReason::KillsWorkers),
            (Error::MessagesLost { sweeps: 5 }, DeadReason::MessagesLost),
            (
                Error::Seal(seal::Error::Broken("k".into())),
                DeadReason::Permanent,
            ),
        ];
        for (error, reason) in cases {
            assert_eq!(on_error(&error, 0), Verdict::DeadLetter(reason), "{error}");
        }
    }

    #[test]
    fn an_outage_is_waited_for_longer_than_a_defect() {
        let away = || Error::Database(db::Error::Sqlx(sqlx::Error::PoolTimedOut));
        let storage = Error::Storage(storage::Error::NoBucket("b".into()));
        let panicked = Error::Panicked("index out of bounds".into());
        let elsewhere = Error::Seal(seal::Error::UnknownKey("k".into()));
        assert_eq!(on_error(&elsewhere, 0), Verdict::Retry { tries: 1 });
        assert_eq!(
            on_error(&elsewhere, 3),
            Verdict::DeadLetter(DeadReason::Permanent)
        );
        assert_eq!(on_error(&away(), 0), Verdict::Retry { tries: 1 });
        assert_eq!(on_error(&storage, 14), Verdict::Retry { tries: 15 });
        assert_eq!(
            on_error(&away(), 15),
            Verdict::DeadLetter(DeadReason::RetriesExhausted)
        );
        assert_eq!(
            on_error(&away(), u32::MAX),
            Verdict::DeadLetter(DeadReason::RetriesExhausted)
        );
        assert_eq!(on_error(&panicked, 2), Verdict::Retry { tries: 3 });
        assert_eq!(
            on_error(&panicked, 3),
            Verdict::DeadLetter(DeadReason::RetriesExhausted)
        );
    }
}
