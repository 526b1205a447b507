//! The imports of chaos: what each file holds, and its required outcome.

use std::time::{Duration, Instant};

use kit::Dialer;
use rand::{RngExt, rngs::ChaCha8Rng};
use serde_json::{Value, json};
use uuid::Uuid;
use worker::storage::Storage;

/// Roles, desks and so on are not what chaos is about: one role will do.
pub(crate) const TENANT: &str = "WITH tenant AS (
    INSERT INTO dialer.tenants (tenant_id, name, extension_first, extension_last) VALUES ($1, 'Chaos', '1000', '1999')
    RETURNING tenant_id
) INSERT INTO dialer.roles (tenant_id, role_id, name, active) SELECT tenant_id, 10, 'Agent', true FROM tenant";

/// What a job asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Import,
    /// Creates nothing, and counts as if it had.
    Validate,
    /// A job that no worker understands: a dead letter and an event, and nothing else.
    Malformed,
}

/// An import that was published, and its required outcome.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub(crate) id: Uuid,
    pub(crate) tenant_id: i64,
    pub(crate) kind: Kind,
    pub(crate) job: Value,
    /// When the broker had confirmed its job for the first time.
    pub(crate) published: Instant,
    /// Attempts that end: a replay begins another one.
    pub(crate) attempts: usize,
    pub(crate) created: i64,
    pub(crate) duplicates: i64,
    pub(crate) errors: i64,
}

/// Rows of most imports: small ones, so that many are finished in little time.
pub(crate) const ROWS: std::ops::Range<usize> = 5..80;

/// Invents a file and uploads it.
pub(crate) async fn upload(
    storage: &Storage,
    random: &mut ChaCha8Rng,
    number: usize,
    rows: usize,
    tenant_id: i64,
) -> anyhow::Result<Import> {
    let (mut created, mut duplicates, mut errors) = (0, 0, 0);
    let mut csv = String::from("username,email,ext,role\n");
    let mut last: Option<String> = None;
    for row in 0..rows {
        let good = format!("i{number}r{row},i{number}r{row}@example.com,{number:05}{row:03},10\n");
        match (random.random_range(0..20), &last) {
            (0, _) => {
                errors += 1;
                csv.push_str(&format!("i{number}r{row},,{number:05}{row:03},10\n"));
            }
            (1, Some(last)) => {
                duplicates += 1;
                csv.push_str(last);
            }
            _ => {
                created += 1;
                csv.push_str(&good);
                last = Some(good);
            }
        }
    }
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    let key = format!("tenants/{tenant_id}/uploads/{id}/users.csv");
    storage.put(&key, csv.into_bytes().into(), "text/csv").await?;
    let kind = match random.random_range(0..20) {
        0 => Kind::Malformed,
        1..5 => Kind::Validate,
        _ => Kind::Import,
    };
    let mode = match kind {
        Kind::Import => "import",
        Kind::Validate => "validate",
        Kind::Malformed => "guess",
    };
    let source = json!({ "key": key });
    let job =
        json!({ "version": 1, "import_id": id, "tenant_id": tenant_id, "mode": mode, "source": source });
    Ok(Import {
        id,
        tenant_id,
        kind,
        job,
        published: Instant::now(),
        attempts: 1,
        created,
        duplicates,
        errors,
    })
}

/// Publishes a job until the broker has confirmed it.
pub(crate) async fn publish(dialer: &Dialer, job: &Value) {
    while dialer.publish(job).await.is_err() {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
