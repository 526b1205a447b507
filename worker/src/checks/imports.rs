//! The state of the imports: which have failed, which wait and why, which make no progress.

use time::OffsetDateTime;

use super::check::Check;
use crate::{
    db::{self, Backlog, Db, Health, Pause, STALLED},
    words::counted,
};

/// Looks at all imports.
pub async fn imports(db: &Db, health: &Health, backlog: Result<Backlog, db::Error>) -> Vec<Check> {
    vec![
        states(health),
        delays(health),
        pauses(db.pauses().await),
        progress(backlog),
        dead_letters(health),
    ]
}

fn states(health: &Health) -> Check {
    let found = format!("{} in progress, {} failed", health.open, health.failed);
    if health.failed > 0 {
        let advice = "user-import list --state failed says why; user-import replay ID resumes one";
        Check::warning("imports", found, advice).since(health.failed_since)
    } else {
        Check::ok("imports", found)
    }
}

/// Some trouble that workers meet cannot be seen from here: that a queue refuses messages, or a store the objects of
/// one tenant.
fn delays(health: &Health) -> Check {
    const NAME: &str = "delays";
    if health.delayed.is_empty() {
        return Check::ok(NAME, "no import waits to be tried again");
    }
    let advice = "fix what is named; imports go on by themselves, or: user-import list";
    Check::warning(NAME, health.delayed.join("; "), advice)
}

/// Which imports an operator has paused.
fn pauses(pauses: Result<Vec<Pause>, db::Error>) -> Check {
    const NAME: &str = "pauses";
    const SHOWN: usize = 3;
    let pauses = match pauses {
        Ok(pauses) if pauses.is_empty() => return Check::ok(NAME, "none"),
        Ok(pauses) => pauses,
        Err(error) => return Check::failed(NAME, error.to_string(), "see the database"),
    };
    let mut found: Vec<String> = pauses.iter().take(SHOWN).map(ToString::to_string).collect();
    if pauses.len() > SHOWN {
        found.push(format!("and {} more", pauses.len() - SHOWN));
    }
    let advice = "user-import resume --all or --tenant ID, when the reason is gone";
    let oldest = pauses.iter().map(|pause| pause.since).min();
    Check::warning(NAME, found.join("; "), advice).since(oldest)
}

/// Whether imports make progress.
fn progress(backlog: Result<Backlog, db::Error>) -> Check {
    const NAME: &str = "progress";
    match backlog {
        Ok(backlog) if backlog.stalled > 0 => {
            let have = if backlog.stalled == 1 { "has" } else { "have" };
            let found = format!(
                "{} {have} not progressed for {} s, the longest for {} s",
                counted(backlog.stalled, "import"),
                STALLED.as_secs(),
                backlog.without_progress.as_secs()
            );
            let advice =
                "normal behind a backlog; otherwise: user-import list --state received --state running";
            let since = OffsetDateTime::now_utc()
                .checked_sub(backlog.without_progress.try_into().unwrap_or_default());
            Check::warning(NAME, found, advice).since(since)
        }
        Ok(_) => Check::ok(NAME, "every import in progress moves forward"),
        Err(error) => Check::failed(NAME, error.to_string(), "see the database"),
    }
}

fn dead_letters(health: &Health) -> Check {
    if health.dead_letters > 0 {
        let advice = "user-import dead list shows them; dead replay or dead discard clears them";
        Check::warning("dead letters", format!("{} open", health.dead_letters), advice)
            .since(health.dead_letters_since)
    } else {
        Check::ok("dead letters", "none")
    }
}
