//! What must be true after chaos: nothing lost, nothing twice.

use std::collections::{HashMap, HashSet};

use kit::{Dialer, Queues, records, verifies};
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;
use worker::{
    broker::{DEFAULT_SHARDS, Topology},
    storage::{Fetched, Storage},
};

use crate::imports::{Import, Kind};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) unfinished: usize,
    pub(crate) lost: i64,
    pub(crate) doubled: i64,
    pub(crate) violations: Vec<String>,
}

impl Findings {
    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }
}

/// Looks at everything that the imports have left behind.
pub(crate) async fn check(
    db: &PgPool,
    storage: &Storage,
    imports: &[Import],
    dialer: &Dialer,
) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    findings.violations.extend(dialer.breaches());
    let events = dialer.answers();
    for import in imports {
        check_events(import, events.get(&import.id.to_string()), &mut findings);
        if import.kind == Kind::Malformed {
            check_unknown(db, import, &mut findings).await?;
        } else {
            check_import(db, import, &mut findings).await?;
            check_users(db, storage, import, &mut findings).await?;
        }
    }
    check_dead_letters(db, imports, &mut findings).await?;
    let (strays,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM dialer.users u
          WHERE NOT EXISTS (SELECT FROM imports.rows r WHERE r.idempotency_key = u.idempotency_key AND r.user_id = u.user_id)",
    )
    .fetch_one(db)
    .await?;
    if strays > 0 {
        findings.doubled += strays;
        findings.violation(format!("{strays} users belong to no row"));
    }
    for (queue, messages) in queues().await?.waiting().await? {
        findings.violation(format!("{messages} messages are left in {queue}"));
    }
    Ok(findings)
}

/// However often the job and the event were published: one event and no other.
fn check_events(import: &Import, events: Option<&Vec<Value>>, findings: &mut Findings) {
    let id = import.id;
    let expected: HashSet<_> = match import.kind {
        Kind::Malformed => {
            let job = Uuid::new_v5(&id, import.job.to_string().as_bytes());
            HashSet::from([(format!("{id}/refused/malformed/{job}"), "dialer.import.refused")])
        }
        // All attempts but the last one were cancelled.
        Kind::Import | Kind::Validate => (1..=import.attempts)
            .map(|attempt| match attempt == import.attempts {
                true => (format!("{id}/{attempt}"), "dialer.import.completed"),
                false => (format!("{id}/{attempt}"), "dialer.import.cancelled"),
            })
            .collect(),
    };
    let told: HashSet<_> = events
        .into_iter()
        .flatten()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap_or_default();
            (text("id").to_owned(), text("type"))
        })
        .collect();
    // Before an upgrade, a release that had no other event for it.
    let older = import.kind == Kind::Malformed
        && told.len() == 1
        && told.iter().all(|(event, name)| {
            event.starts_with(&format!("{id}/malformed/")) && *name == "dialer.import.failed"
        });
    if told != expected && !older {
        findings.violation(format!("import {id} has the final events {told:?}"));
    }
}

/// A malformed job leaves no import behind.
async fn check_unknown(db: &PgPool, import: &Import, findings: &mut Findings) -> anyhow::Result<()> {
    let known: Option<(String,)> = sqlx::query_as("SELECT state FROM imports.imports WHERE import_id = $1")
        .bind(import.id)
        .fetch_optional(db)
        .await?;
    if let Some((state,)) = known {
        findings.violation(format!("the malformed job {} is {state}", import.id));
    }
    Ok(())
}

async fn check_import(db: &PgPool, import: &Import, findings: &mut Findings) -> anyhow::Result<()> {
    let id = import.id;
    let found: Option<(String, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT state, created::bigint, duplicates::bigint, errors::bigint, total::bigint
           FROM imports.imports WHERE import_id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    let expected = (import.created, import.duplicates, import.errors);
    match &found {
        Some((state, created, duplicates, errors, total)) if state == "completed" => {
            if (*created, *duplicates, *errors) != expected || created + duplicates + errors != *total {
                findings.violation(format!(
                    "import {id}: {created} created, {duplicates} duplicates, {errors} errors of {total}, not {expected:?}"
                ));
            }
        }
        Some((state, ..)) if state == "failed" => {
            findings.violation(format!("import {id} has failed"));
        }
        other => {
            findings.unfinished += 1;
            findings.violation(format!("import {id} is not finished: {other:?}"));
        }
    }
    Ok(())
}

/// Every created row has one user, and one password that verifies, in the success CSV of one attempt.
async fn check_users(
    db: &PgPool,
    storage: &Storage,
    import: &Import,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let users: Vec<(i64, String, String)> = sqlx::query_as(
        "SELECT u.user_id, u.username, u.password_hash
           FROM imports.rows r JOIN dialer.users u ON u.idempotency_key = r.idempotency_key AND u.tenant_id = r.tenant_id
          WHERE r.import_id = $1",
    )
    .bind(import.id)
    .fetch_all(db)
    .await?;
    let count = i64::try_from(users.len())?;
    let expected = match import.kind {
        Kind::Import => import.created,
        Kind::Validate | Kind::Malformed => 0,
    };
    findings.lost += (expected - count).max(0);
    findings.doubled += (count - expected).max(0);
    let mut passwords = HashMap::<String, Vec<String>>::new();
    for attempt in 1..=import.attempts {
        let key = format!(
            "tenants/{}/imports/{}/attempt-{attempt}/success.csv",
            import.tenant_id, import.id
        );
        let Fetched::Found {
            content: Some(report),
            ..
        } = storage.get(&key, u64::MAX).await?
        else {
            findings.violation(format!(
                "attempt {attempt} of import {} has no success CSV",
                import.id
            ));
            return Ok(());
        };
        for row in records(&report) {
            passwords.entry(row[0].clone()).or_default().push(row[4].clone());
        }
    }
    if import.kind == Kind::Validate {
        // Rows that would be created, without user and without password.
        let blank = passwords.remove("").unwrap_or_default();
        if i64::try_from(blank.len())? != import.created || blank.iter().any(|password| !password.is_empty())
        {
            findings.violation(format!(
                "import {}: its success CSV is not that of a validation",
                import.id
            ));
        }
    }
    if passwords.len() != users.len() {
        findings.violation(format!(
            "import {}: {} users, {} in the success CSV",
            import.id,
            users.len(),
            passwords.len()
        ));
    }
    for (user_id, username, hash) in users {
        let verified = match passwords.get(&user_id.to_string()).map(Vec::as_slice) {
            Some([password]) => verifies(password, &hash),
            _ => false,
        };
        if !verified {
            findings.violation(format!(
                "import {}: the success CSV does not have one password of {username} that verifies",
                import.id
            ));
        }
    }
    Ok(())
}

/// Dead letters are those of malformed jobs, and each of these has one.
async fn check_dead_letters(db: &PgPool, imports: &[Import], findings: &mut Findings) -> anyhow::Result<()> {
    let letters: Vec<(Option<Uuid>, String, Option<String>)> =
        sqlx::query_as("SELECT import_id, reason, error FROM imports.dead_letters")
            .fetch_all(db)
            .await?;
    let malformed = imports.iter().filter(|import| import.kind == Kind::Malformed);
    let malformed: HashSet<Option<Uuid>> = malformed.map(|import| Some(import.id)).collect();
    for (id, reason, error) in &letters {
        if !malformed.contains(id) || reason != "malformed" {
            findings.violation(format!("a dead letter of import {id:?}: {reason}, {error:?}"));
        }
    }
    let found: HashSet<Option<Uuid>> = letters.iter().map(|(id, ..)| *id).collect();
    for id in malformed.difference(&found).flatten() {
        findings.violation(format!("the malformed job {id} has no dead letter"));
    }
    Ok(())
}

/// Whether every import has its final events, and no message is left.
pub(crate) async fn settled(imports: &[Import], dialer: &Dialer) -> anyhow::Result<bool> {
    let events = dialer.answers();
    let mut all_heard = imports.iter().map(|import| {
        let heard = events.get(&import.id.to_string());
        heard.is_some_and(|heard| heard.len() >= import.attempts)
    });
    Ok(all_heard.all(|heard| heard) && queues().await?.waiting().await?.is_empty())
}

/// The queues under the names that workers use by default.
pub(crate) async fn queues() -> anyhow::Result<Queues> {
    let topology = Topology::new(String::new(), DEFAULT_SHARDS);
    Ok(Queues::connect(topology).await?)
}
