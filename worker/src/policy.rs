//! Every limit and delay of retries, outages, deliveries and rescues, each with its derivation. Numbers only: which error
//! gets which of them is decided in `engine::retry`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

// Retries.

/// A delay queue: what its name ends in, and how long a message waits there.
#[derive(Debug, Clone, Copy)]
pub struct Delay {
    /// The end of the queue's name.
    pub name: &'static str,
    /// How long.
    pub time: Duration,
}

const fn delay_queue(name: &'static str, seconds: u64) -> Delay {
    Delay {
        name,
        time: Duration::from_secs(seconds),
    }
}

const LONGEST: Delay = delay_queue("10m", 600);

/// How long a message that has not failed waits: a queue has no room for what follows from it, or its import is paused.
/// Half a minute is short enough to notice that it can go on, and long enough to be no load on the broker.
pub const POSTPONED: Delay = delay_queue("30s", 30);

/// How long a message waits after its first, second, … failure. The last delay is used for all further ones.
///
/// A queue's arguments cannot be changed: another time needs another name. `shared/schemas/asyncapi.yaml` lists the queues.
pub const DELAYS: [Delay; 5] = [
    delay_queue("1s", 1),
    delay_queue("5s", 5),
    POSTPONED,
    delay_queue("2m", 120),
    LONGEST,
];

/// The delay of a message that has failed this many times, counted from 1.
pub fn delay(retry_count: u32) -> Delay {
    let failed_before = usize::try_from(retry_count.saturating_sub(1)).unwrap_or(usize::MAX);
    DELAYS.get(failed_before).copied().unwrap_or(LONGEST)
}

/// Tries of a message whose error passes by itself: with [`DELAYS`] about two hours, in which people can repair a server.
pub const MAX_TRIES_TRANSIENT: u32 = 16;

/// Tries of a message whose object the store refuses us. No retry fixes that, but keys or rights may be in the middle
/// of a change: with [`DELAYS`] about a quarter of an hour.
pub const MAX_TRIES_DENIED: u32 = 6;

/// How long a shard is left alone after one of its queues did not answer. The rescue sends its markers there again every
/// [`QUIET_TIME`] or a little more: it stays left alone as long as these are not accepted.
pub const SHARD_LEFT_ALONE: Duration = Duration::from_secs(5 * 60);

/// Tries of a message whose error is most likely a defect, but may pass. About half a minute.
pub const MAX_TRIES_UNEXPECTED: u32 = 4;

/// No step takes that long: the largest batch, 500 rows at a tenth of a second each, takes one minute, and two or three if
/// smaller ones overtake it.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(300);

// Outages.

/// How often to check that the database is available while a step runs: a step that waits for a dead connection is
/// abandoned after seconds.
pub const OUTAGE_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// How long a worker holds messages while its database is unavailable. A failover takes less; if it takes longer, this
/// worker may be the only one that is cut off, while others could do its work.
pub const DATABASE_PATIENCE: Duration = Duration::from_secs(30);

/// How often a step whose connection to the database broke is run again when the database is back. One outage may last
/// any length of time; a step that brings the server down each time it runs is noticed after this many.
pub const MAX_BROKEN_CONNECTIONS: u32 = 5;

/// A connection to the broker that lasted this long was a good one: when it breaks, the next is made without delay. One
/// that breaks earlier counts as a failed attempt, because a broker that refuses all work would otherwise be connected
/// to in a busy loop.
pub const GOOD_CONNECTION: Duration = Duration::from_secs(10);

/// The longest delay between two attempts to connect.
pub const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(10);

/// Delays between attempts to connect: doubling, with jitter so that workers do not come back all at once.
pub fn reconnect_delays() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(MAX_RECONNECT_DELAY)
        .with_jitter()
        .without_max_times()
        .build()
}

// Deliveries.

/// How often the broker delivers a message that is never acknowledged before it moves it to the quarantine. A worker that
/// dies or stops returns all that it holds, so this is far more than one death; and the quarantine alone fails no message.
pub const DELIVERY_LIMIT: u32 = 20;

/// How often a message is delivered alone, in the quarantine, before it counts as the one that kills its workers. Two deaths
/// may be chance: a machine that is switched off, a worker that is stopped; the third is not.
pub const MAX_DELIVERIES_ALONE: u32 = 3;

// Rescues.

/// How long an import may be without progress before its messages are looked for, unless configured. A message takes
/// seconds, or a minute where the store answers at the last moment.
pub const QUIET_TIME: Duration = Duration::from_secs(60);

/// How often an import is resumed without progress in between before it fails: whatever loses its messages that often does
/// not do so by chance.
pub const MAX_RESCUES: u32 = 5;

/// How many imports are resumed at a time, so that after the loss of all queues they come back little by little.
pub const RESCUED_AT_A_TIME: i64 = 100;

/// How often a worker looks for lost imports within the time that an import may be without progress: a loss is found within
/// a fraction of the time that it takes to be sure.
pub const LOOKS_PER_QUIET_TIME: u32 = 4;

/// How long a worker that stops waits for a look that it has begun. The database answers within milliseconds, or is silent.
pub const LAST_LOOK: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_climb_the_ladder_and_stay_on_its_top() {
        let names: Vec<&str> = (0..=7).map(|retry_count| delay(retry_count).name).collect();
        assert_eq!(names, ["1s", "1s", "5s", "30s", "2m", "10m", "10m", "10m"]);
        assert_eq!(delay(u32::MAX).name, "10m");
    }
}
