//! What is done with a message whose step failed: the one place that decides, by the meaning of the error.

use crate::{
    crypto::{hashing, seal},
    db::Severity,
    message::{DeadReason, Unreadable},
    policy::{MAX_TRIES_DENIED, MAX_TRIES_TRANSIENT, MAX_TRIES_UNEXPECTED},
    steps::Error,
    storage,
    telemetry::metrics::Cause,
};

/// What is done with a message whose step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disposition {
    /// It is tried again after a delay; this many tries have failed by now.
    Retry {
        /// Failed tries, this one included.
        retry_count: u32,
    },
    /// It is set aside for an operator; for its import, see `super::fail`.
    DeadLetter(DeadReason),
}

/// Decides what is done with a message that has failed `retry_count` times before and failed now with this error.
pub(super) fn disposition(error: &Error, retry_count: u32) -> Disposition {
    // The count comes from a header, which may hold anything.
    let failed = retry_count.saturating_add(1);
    let retry_up_to = |max_tries| {
        if failed < max_tries {
            Disposition::Retry { retry_count: failed }
        } else {
            Disposition::DeadLetter(DeadReason::RetriesExhausted)
        }
    };
    match error {
        Error::Unreadable(Unreadable::Malformed(_)) => Disposition::DeadLetter(DeadReason::Malformed),
        // Another worker may be able to read it: during an upgrade not all workers are of the same release.
        Error::Unreadable(Unreadable::Newer(_)) if failed < MAX_TRIES_UNEXPECTED => {
            Disposition::Retry { retry_count: failed }
        }
        Error::Unreadable(Unreadable::Newer(_)) => Disposition::DeadLetter(DeadReason::NewerVersion),
        Error::ImportIdTaken => Disposition::DeadLetter(DeadReason::ImportIdTaken),
        Error::ImportPurged => Disposition::DeadLetter(DeadReason::ImportPurged),
        // Another worker may have the key: while keys are rotated, not all workers have the same ring.
        Error::Seal(seal::Error::UnknownKey(_)) if failed < MAX_TRIES_UNEXPECTED => {
            Disposition::Retry { retry_count: failed }
        }
        Error::Seal(_) | Error::SeedMissing => Disposition::DeadLetter(DeadReason::Permanent),
        Error::KillsWorkers { .. } => Disposition::DeadLetter(DeadReason::KillsWorkers),
        Error::MessagesLost { .. } => Disposition::DeadLetter(DeadReason::MessagesLost),
        Error::Storage(storage::Error::Denied { .. }) => retry_up_to(MAX_TRIES_DENIED),
        Error::Hashing(hashing::Error::OutOfMemory) => retry_up_to(MAX_TRIES_TRANSIENT),
        Error::Storage(_) | Error::Randomness(_) | Error::Stalled { .. } => retry_up_to(MAX_TRIES_TRANSIENT),
        Error::Database(error) => match error.severity() {
            Severity::Outage | Severity::Transient => retry_up_to(MAX_TRIES_TRANSIENT),
            Severity::Unexpected => retry_up_to(MAX_TRIES_UNEXPECTED),
        },
        // The engine postpones it before it asks here.
        Error::Paused => Disposition::Retry { retry_count },
        Error::Hashing(_) | Error::Panicked(_) => retry_up_to(MAX_TRIES_UNEXPECTED),
    }
}

/// What failed, for the counts of retries.
pub(super) fn cause(error: &Error) -> Cause {
    match error {
        Error::Database(_) => Cause::Database,
        Error::Storage(_) => Cause::Storage,
        Error::Seal(_) | Error::SeedMissing => Cause::Seal,
        Error::Unreadable(_)
        | Error::ImportIdTaken
        | Error::ImportPurged
        | Error::Hashing(_)
        | Error::Randomness(_)
        | Error::Panicked(_)
        | Error::Stalled { .. }
        | Error::KillsWorkers { .. }
        | Error::Paused
        | Error::MessagesLost { .. } => Cause::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db,
        message::{Task, TaskKind},
    };

    #[test]
    fn what_no_retry_mends_is_set_aside_at_once() {
        let malformed = Task::parse(TaskKind::Plan, b"{}").unwrap_err();
        let cases = [
            (Error::Unreadable(malformed), DeadReason::Malformed),
            (Error::ImportIdTaken, DeadReason::ImportIdTaken),
            (Error::ImportPurged, DeadReason::ImportPurged),
            (Error::SeedMissing, DeadReason::Permanent),
            (Error::KillsWorkers { deliveries: 3 }, DeadReason::KillsWorkers),
            (Error::MessagesLost { rescues: 5 }, DeadReason::MessagesLost),
            (
                Error::Seal(seal::Error::Broken("k".into())),
                DeadReason::Permanent,
            ),
        ];
        for (error, reason) in cases {
            assert_eq!(disposition(&error, 0), Disposition::DeadLetter(reason), "{error}");
        }
    }

    #[test]
    fn an_outage_is_waited_for_longer_than_a_defect() {
        let away = || Error::Database(db::Error::Silent { seconds: 5 });
        let storage = Error::Storage(storage::Error::NoBucket("b".into()));
        let panicked = Error::Panicked("index out of bounds".into());
        let elsewhere = Error::Seal(seal::Error::UnknownKey("k".into()));
        let newer = Error::Unreadable(Unreadable::Newer(2));
        assert_eq!(disposition(&newer, 0), Disposition::Retry { retry_count: 1 });
        assert_eq!(
            disposition(&newer, 3),
            Disposition::DeadLetter(DeadReason::NewerVersion)
        );
        assert_eq!(disposition(&elsewhere, 0), Disposition::Retry { retry_count: 1 });
        assert_eq!(
            disposition(&elsewhere, 3),
            Disposition::DeadLetter(DeadReason::Permanent)
        );
        assert_eq!(disposition(&away(), 0), Disposition::Retry { retry_count: 1 });
        assert_eq!(disposition(&storage, 14), Disposition::Retry { retry_count: 15 });
        assert_eq!(
            disposition(&away(), 15),
            Disposition::DeadLetter(DeadReason::RetriesExhausted)
        );
        assert_eq!(
            disposition(&away(), u32::MAX),
            Disposition::DeadLetter(DeadReason::RetriesExhausted)
        );
        assert_eq!(disposition(&panicked, 2), Disposition::Retry { retry_count: 3 });
        assert_eq!(
            disposition(&panicked, 3),
            Disposition::DeadLetter(DeadReason::RetriesExhausted)
        );
    }
}
