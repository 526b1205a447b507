//! Whether `purge` runs: nothing else notices that passwords and personal data are kept for longer than they should be.

use std::time::Duration;

use super::environment::from_environment;
use crate::{
    checks::Check,
    db::{Backlog, Error},
    operate::Retention,
};

/// It runs once a day, and may miss one.
const TOLERATED: Duration = Duration::from_secs(2 * SECONDS_A_DAY);

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Whether success CSVs are deleted when they should be.
pub(super) fn success_csvs(backlog: &Result<Backlog, Error>) -> Option<Check> {
    const NAME: &str = "purge";
    // What is wrong with the database is reported already.
    let oldest = backlog.as_ref().ok()?.oldest_success_csv;
    let retention = match from_environment::<Retention>() {
        Ok(retention) => Duration::from_secs(u64::from(retention.success_days) * SECONDS_A_DAY),
        Err(error) => {
            return Some(Check::failed(
                NAME,
                error,
                "correct the variables PURGE_… of this environment",
            ));
        }
    };
    let days = |duration: Duration| duration.as_secs() / SECONDS_A_DAY;
    Some(if oldest > retention + TOLERATED {
        let found = format!(
            "the oldest success CSV is {} days old, though PURGE_SUCCESS_DAYS is {}",
            days(oldest),
            days(retention)
        );
        Check::warning(
            NAME,
            found,
            "run user-import purge, and find out why its timer does not",
        )
    } else {
        Check::ok(NAME, "no success CSV is older than it should be")
    })
}
