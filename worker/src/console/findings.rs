//! What `doctor` would find, as far as it can be seen from the console: by the same checks, for all open pages together.

use std::time::Duration;

use super::{cached::Cached, publisher::Publisher};
use crate::{
    checks::{self, Check},
    db::{Db, Group},
};

/// How long findings are valid. A check costs the broker a question for each exchange and queue.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// What only `user-import doctor` can see, where a worker runs, and why.
const UNCHECKED: [(&[&str], &str); 7] = [
    (
        &["configuration", "encryption"],
        "the environment of workers is not the console's",
    ),
    (
        &["database permissions", "database lock-down"],
        "only the workers' log-in can see what it may do",
    ),
    (&["operators' database"], "the console has no operator's log-in"),
    (&["seal keys"], "the console has no SEAL_KEYS"),
    (&["purge"], "the console has no PURGE_SUCCESS_DAYS"),
    (
        &["broker alarms", "delivery limits", "replicas"],
        "the console does not ask RabbitMQ's management API",
    ),
    (
        &["object storage", "clock"],
        "the console checks no servers except the database and the broker",
    ),
];

/// The last findings, the worst first.
#[derive(Debug)]
pub(super) struct Findings(Cached<Vec<Check>>);

impl Default for Findings {
    fn default() -> Self {
        Self(Cached::with_max_age(GOOD_FOR))
    }
}

impl Findings {
    /// The last findings if they are still valid, or new ones.
    pub(super) async fn ask(&self, db: &Db, publisher: &Publisher) -> Vec<Check> {
        self.0.ask(look(db, publisher)).await
    }

    /// The last findings, however old.
    pub(super) fn last(&self) -> Option<Vec<Check>> {
        self.0.last()
    }
}

async fn look(db: &Db, publisher: &Publisher) -> Vec<Check> {
    let (mut found, broker) = tokio::join!(database(db), checks::broker(publisher.options()));
    found.extend(broker);
    let unchecked = UNCHECKED.iter().flat_map(|(checks, why)| {
        let unchecked =
            |check: &&'static str| Check::unchecked(check, *why, "user-import doctor, where a worker runs");
        checks.iter().map(unchecked)
    });
    found.extend(unchecked);
    found.sort_by_key(|check| std::cmp::Reverse(check.verdict.gravity()));
    found
}

async fn database(db: &Db) -> Vec<Check> {
    match db.health().await {
        Ok(health) => {
            let mut found = vec![checks::server(&health), checks::schema(db).await];
            found.push(checks::rights("console's permissions", db, Group::Console).await);
            found.extend(checks::imports(db, &health, db.backlog().await).await);
            found
        }
        Err(error) => vec![Check::failed(
            "database",
            error.to_string(),
            error.advice("DATABASE_URL"),
        )],
    }
}
