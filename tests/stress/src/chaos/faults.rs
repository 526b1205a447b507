//! The faults: a seed and a time go in, a schedule comes out, the same for the same seed.

use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

/// Pauses between faults, in milliseconds: short enough that some overlap, long enough that work is done in between.
const PAUSE_MS: std::ops::Range<u64> = 1_500..5_000;

/// How long a fault lasts, in milliseconds. The longest outlasts the time in which a silent connection is noticed.
const LASTS_MS: std::ops::Range<u64> = 500..12_000;

/// The servers take ten seconds to come back: often enough that each is restarted in a short run, seldom enough that work is
/// done.
const RESTART_EVERY: usize = 6;

/// One in this many restarts finds the broker's disk empty, the third first: once in two minutes, twice in six.
/// Everything that is under way is resumed after it, which is a load of its own.
const WIPE_EVERY: usize = 8;

/// What is done to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Kind {
    WorkerKilled,
    WorkerStopped,
    WorkerTerminated,
    DatabaseCut,
    DatabaseDelayed,
    DatabaseSilent,
    BrokerCut,
    BrokerDelayed,
    BrokerSilent,
    BrokerBlocked,
    StorageCut,
    StorageDelayed,
    StorageAnswers500,
    StorageAnswers503,
    QueuePurged,
    BrokerRestarted,
    BrokerWiped,
    DatabaseRestarted,
}

impl Kind {
    /// Whether it is done to a server itself: seldom, see [`RESTART_EVERY`].
    const fn restarts(self) -> bool {
        matches!(
            self,
            Self::BrokerRestarted | Self::BrokerWiped | Self::DatabaseRestarted
        )
    }

    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// A fault at its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    /// From the beginning of the run.
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    pub(crate) lasts: Duration,
    /// Chooses the worker or the queue.
    pub(crate) which: usize,
}

/// All faults of a run: every kind once in random order before any comes again.
pub(crate) fn schedule(seed: u64, length: Duration) -> Vec<Planned> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut planned, mut left) = (Vec::new(), Vec::new());
    let (mut restarts, mut at) = (0, Duration::ZERO);
    loop {
        at += Duration::from_millis(random.random_range(PAUSE_MS));
        if at >= length {
            return planned;
        }
        if left.is_empty() {
            left = Kind::iter().filter(|kind| !kind.restarts()).collect();
        }
        let kind = if planned.len() % RESTART_EVERY == RESTART_EVERY / 2 {
            restarts += 1;
            match restarts {
                restart if restart % WIPE_EVERY == 3 => Kind::BrokerWiped,
                restart if restart % 2 == 0 => Kind::DatabaseRestarted,
                _ => Kind::BrokerRestarted,
            }
        } else {
            left.swap_remove(random.random_range(0..left.len()))
        };
        planned.push(Planned {
            at,
            kind,
            lasts: Duration::from_millis(random.random_range(LASTS_MS)),
            which: usize::try_from(random.next_u32()).unwrap_or(0),
        });
    }
}
