//! Whether the clocks agree.

use time::OffsetDateTime;

use super::check::Check;

/// From here on times in events and audit trail mislead people.
const SKEW_TO_WARN_OF: time::Duration = time::Duration::seconds(5);

/// S3 refuses requests of clocks that differ by more. Source: Amazon S3, error RequestTimeTooSkewed.
const SKEW_TOO_LARGE: time::Duration = time::Duration::minutes(15);

pub(super) fn clock(servers: OffsetDateTime, ours: OffsetDateTime) -> Check {
    const NAME: &str = "clock";
    let skew = servers - ours;
    let found = format!("differs from the database's by {:.1} s", skew.as_seconds_f64());
    let advice = "synchronise both machines' clocks (NTP)";
    if skew.abs() > SKEW_TOO_LARGE {
        Check::failed(NAME, found, advice)
    } else if skew.abs() > SKEW_TO_WARN_OF {
        Check::warning(NAME, found, advice)
    } else {
        Check::ok(NAME, found)
    }
}
