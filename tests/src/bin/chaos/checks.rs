//! What must be true after chaos: nothing lost, nothing twice.

use std::collections::{HashMap, HashSet};

use argon2::{Argon2, PasswordVerifier};
use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use serde_json::Value;
use sqlx::PgPool;
use tests::variable;
use uuid::Uuid;
use worker::{
    broker::{DEFAULT_SHARDS, Topology},
    storage::{Fetched, Storage},
};

use crate::dialer::Import;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) unfinished: usize,
    pub(crate) lost: i64,
    pub(crate) doubled: i64,
    pub(crate) violations: Vec<String>,
}

/// Looks at everything that the imports have left behind.
pub(crate) async fn check(
    db: &PgPool,
    storage: &Storage,
    imports: &[Import],
    events: &HashMap<Uuid, Vec<Value>>,
) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    for import in imports {
        check_import(db, storage, import, events.get(&import.id), &mut findings).await?;
    }
    let (strays,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM dialer.users u
          WHERE NOT EXISTS (SELECT FROM imports.rows r WHERE r.idempotency_key = u.idempotency_key AND r.user_id = u.user_id)",
    )
    .fetch_one(db)
    .await?;
    if strays > 0 {
        findings.doubled += strays;
        findings
            .violations
            .push(format!("{strays} users belong to no row"));
    }
    for (queue, messages) in messages().await? {
        if messages > 0 {
            findings
                .violations
                .push(format!("{messages} messages are left in {queue}"));
        }
    }
    Ok(findings)
}

async fn check_import(
    db: &PgPool,
    storage: &Storage,
    import: &Import,
    events: Option<&Vec<Value>>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
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
                findings.violations.push(format!(
                    "import {id}: {created} created, {duplicates} duplicates, {errors} errors of {total}, not {expected:?}"
                ));
            }
        }
        Some((state, ..)) if state == "failed" => {
            findings.violations.push(format!("import {id} has failed"));
        }
        other => {
            findings.unfinished += 1;
            findings
                .violations
                .push(format!("import {id} is not finished: {other:?}"));
        }
    }
    let ids: HashSet<&str> = events
        .into_iter()
        .flatten()
        .filter_map(|event| event["id"].as_str())
        .collect();
    if ids != HashSet::from([format!("{id}/1").as_str()]) {
        findings
            .violations
            .push(format!("import {id} has the final events {ids:?}"));
    }
    check_users(db, storage, import, findings).await
}

/// Every created row has one user, and one password that verifies, in the one success CSV.
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
    findings.lost += (import.created - count).max(0);
    findings.doubled += (count - import.created).max(0);
    let key = format!(
        "tenants/{}/imports/{}/attempt-1/success.csv",
        import.tenant_id, import.id
    );
    let Fetched::Found {
        content: Some(report),
        ..
    } = storage.get(&key, u64::MAX).await?
    else {
        findings
            .violations
            .push(format!("import {} has no success CSV", import.id));
        return Ok(());
    };
    let mut passwords = HashMap::<String, Vec<String>>::new();
    let mut reader = csv::Reader::from_reader(report.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&report));
    for record in reader.records() {
        let record = record?;
        let cell = |column| record.get(column).unwrap_or_default().to_owned();
        passwords.entry(cell(0)).or_default().push(cell(4));
    }
    if passwords.len() != users.len() {
        findings.violations.push(format!(
            "import {}: {} users, {} in the success CSV",
            import.id,
            users.len(),
            passwords.len()
        ));
    }
    for (user_id, username, hash) in users {
        let verified = match passwords.get(&user_id.to_string()).map(Vec::as_slice) {
            Some([password]) => Argon2::default()
                .verify_password(password.as_bytes(), hash.as_str())
                .is_ok(),
            _ => false,
        };
        if !verified {
            findings.violations.push(format!(
                "import {}: the success CSV does not have one password of {username} that verifies",
                import.id
            ));
        }
    }
    Ok(())
}

/// Messages that wait, by queue; not those for the Dialer.
pub(crate) async fn messages() -> anyhow::Result<Vec<(String, u32)>> {
    let connection =
        Connection::connect(&variable("AMQP_ADMIN_URL"), ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let mut found = Vec::new();
    for queue in topology().names().1 {
        if queue != topology().dialer_queue() {
            let declared = channel
                .queue_declare(queue.clone(), passive, FieldTable::default())
                .await?;
            found.push((queue.to_string(), declared.message_count()));
        }
    }
    connection.close(200, "done".into()).await?;
    Ok(found)
}

/// The names that workers use by default.
pub(crate) fn topology() -> Topology {
    Topology::new(String::new(), DEFAULT_SHARDS)
}
