//! Whether the clocks agree, and which one is wrong if not.

use time::{Duration, OffsetDateTime};

use crate::checks::Check;

/// From here on, times in events and the audit trail mislead people. HTTP tells the time only to the second.
const SKEW_TO_WARN_OF: Duration = Duration::seconds(5);

/// S3 refuses requests of clocks that differ by more. Source: Amazon S3, error RequestTimeTooSkewed.
const SKEW_TOO_LARGE: Duration = Duration::minutes(15);

/// Where a clock is, how far it is ahead of ours, and how uncertain that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    place: &'static str,
    ahead: Duration,
    uncertain: Duration,
}

impl Clock {
    /// Asks a server for its time; `None` if it does not say.
    pub(super) async fn ask(
        place: &'static str,
        time: impl Future<Output = Option<OffsetDateTime>>,
    ) -> Option<Self> {
        let asked = OffsetDateTime::now_utc();
        let told = time.await?;
        // The server read its clock at some time in between.
        let uncertain = (OffsetDateTime::now_utc() - asked) / 2;
        Some(Self {
            place,
            ahead: told - (asked + uncertain),
            uncertain,
        })
    }
}

/// Compares the clocks of the servers with ours and with each other.
pub(super) fn clocks(servers: &[Clock]) -> Option<Check> {
    const NAME: &str = "clock";
    let ours = Clock {
        place: "this machine",
        ahead: Duration::ZERO,
        uncertain: Duration::ZERO,
    };
    let all: Vec<Clock> = servers.iter().copied().chain([ours]).collect();
    let agree = |one: &Clock, other: &Clock| {
        (one.ahead - other.ahead).abs() <= SKEW_TO_WARN_OF + one.uncertain + other.uncertain
    };
    let furthest = servers.iter().max_by_key(|clock| clock.ahead.abs())?;
    let places: Vec<&str> = servers.iter().map(|clock| clock.place).collect();
    if all.iter().all(|one| all.iter().all(|other| agree(one, other))) {
        let found = format!(
            "differs by {:.1} s at most from {}",
            furthest.ahead.abs().as_seconds_f64(),
            places.join(", ")
        );
        return Some(Check::ok(NAME, found));
    }
    // Clocks that agree with more than half of all are right.
    let right = all
        .iter()
        .find(|one| all.iter().filter(|other| agree(one, other)).count() * 2 > all.len());
    let (found, advice) = match right {
        Some(right) => {
            let wrong = all.iter().filter(|clock| !agree(clock, right));
            let wrong: Vec<String> = wrong.map(|clock| apart(clock, right.ahead)).collect();
            let advice = "synchronise the clocks that are named (NTP): the others agree";
            (wrong.join(", "), advice)
        }
        None => {
            let differing: Vec<String> = servers.iter().map(|clock| apart(clock, Duration::ZERO)).collect();
            let found = format!("{}, as this machine sees it", differing.join(", "));
            (found, "synchronise the clocks of all machines (NTP)")
        }
    };
    Some(if furthest.ahead.abs() > SKEW_TOO_LARGE {
        Check::failed(NAME, found, advice)
    } else {
        Check::warning(NAME, found, advice)
    })
}

fn apart(clock: &Clock, right: Duration) -> String {
    let seconds = (clock.ahead - right).as_seconds_f64();
    let direction = if seconds < 0.0 { "slow" } else { "fast" };
    format!(
        "the clock of {} is {:.0} s {direction}",
        clock.place,
        seconds.abs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(servers: &[(&'static str, i64)]) -> String {
        let servers = servers.iter().map(|(place, seconds)| Clock {
            place,
            ahead: Duration::seconds(*seconds),
            uncertain: Duration::ZERO,
        });
        clocks(&servers.collect::<Vec<_>>()).unwrap().text()
    }

    #[test]
    fn the_clock_that_differs_from_the_others_is_wrong() {
        for (servers, expected) in [
            (
                &[("the database", 1), ("the store", -1)][..],
                "differs by 1.0 s at most from the database, the store",
            ),
            (
                &[("the database", 60), ("the store", 0)],
                "the clock of the database is 60 s fast →",
            ),
            (
                &[("the database", -60), ("the store", -61)],
                "the clock of this machine is 60 s fast →",
            ),
            (
                &[("the database", -60), ("the store", 61)],
                "the clock of the database is 60 s slow, the clock of the store is 61 s fast, as this machine sees it →",
            ),
            (
                &[("the database", 7)],
                "the clock of the database is 7 s fast, as this machine sees it →",
            ),
        ] {
            let text = told(servers).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(expected), "{text}");
        }
        assert!(told(&[("the database", 901), ("the store", 0)]).starts_with("FAILED"));
        assert!(told(&[("the database", 899), ("the store", 0)]).starts_with("warning"));
    }
}
