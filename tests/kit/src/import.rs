//! One import from the Dialer's side: its file, its job, its events, its reports.

use argon2::{Argon2, PasswordVerifier};
use lapin::types::FieldTable;
use serde_json::{Value, json};
use uuid::Uuid;
use worker::storage::Fetched;

use crate::{
    Queues, Tenant, World,
    dialer::{self, is_answer, is_final},
    eventually,
};

/// A file of good rows.
pub fn good_rows(count: u32) -> String {
    let rows = (1..=count).map(|n| format!("user{n},user{n}@example.com,{:05},10\r\n", 20_000 + n));
    let rows: String = rows.collect();
    format!("Username,Email,Virtual Extension,Role\r\n{rows}")
}

/// The import ID in a job or in what a command prints.
pub fn id(job: &Value) -> &str {
    job["import_id"].as_str().expect("an import ID")
}

/// The summary of an event.
pub fn summary(created: u32, duplicates: u32, errors: u32) -> Value {
    let total = created + duplicates + errors;
    json!({ "total": total, "created": created, "duplicates": duplicates, "errors": errors, "cancelled": 0 })
}

/// The data of an event, which must be of the given type.
pub fn final_data<'a>(event: &'a Value, kind: &str) -> &'a Value {
    assert_eq!(event["type"], format!("dialer.import.{kind}"), "{event}");
    &event["data"]
}

/// The reports of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// The success CSV, byte for byte.
    pub success: Vec<u8>,
    /// The error CSV, byte for byte.
    pub errors: Vec<u8>,
}

impl Reports {
    /// One column of the success CSV.
    pub fn success_column(&self, column: usize) -> Vec<String> {
        let rows = self.success_rows().into_iter();
        rows.map(|mut row| row.swap_remove(column)).collect()
    }

    /// Rows of the success CSV: user ID, username, email, virtual extension, temporary password, row, expiry.
    pub fn success_rows(&self) -> Vec<Vec<String>> {
        records(&self.success)
    }

    /// Rows of the error CSV.
    pub fn error_rows(&self) -> Vec<Vec<String>> {
        records(&self.errors)
    }

    /// With the users of a later attempt, whose success CSV names only its own.
    #[must_use]
    pub fn and(&self, later: &Self) -> Self {
        let mut both = self.clone();
        let users = later.success.splitn(2, |byte| *byte == b'\n').nth(1);
        both.success.extend(users.expect("a header"));
        both
    }
}

/// The records of a report, without its header.
pub fn records(report: &[u8]) -> Vec<Vec<String>> {
    let text = report
        .strip_prefix(b"\xef\xbb\xbf")
        .expect("a report begins with a BOM");
    let mut reader = csv::Reader::from_reader(text);
    let records = reader.records().map(|record| record.expect("a report is CSV"));
    records
        .map(|record| record.iter().map(str::to_owned).collect())
        .collect()
}

/// Whether the hash in the database is that of this password.
pub fn verifies(password: &str, hash: &str) -> bool {
    Argon2::default()
        .verify_password(password.as_bytes(), hash)
        .is_ok()
}

impl World {
    /// Uploads a file for the tenant and returns the smallest job that imports it.
    pub async fn upload(&self, tenant: Tenant, csv: impl Into<Vec<u8>>) -> Value {
        let import_id = Uuid::new_v4();
        let key = format!("tenants/{}/uploads/{import_id}/users.csv", tenant.id);
        let uploaded = self.storage.put(&key, csv.into().into(), "text/csv").await;
        uploaded.expect("the file is uploaded");
        json!({ "version": 1, "import_id": import_id, "tenant_id": tenant.id, "source": { "key": key } })
    }

    /// Publishes a job.
    pub async fn publish(&self, job: &Value) {
        self.dialer.publish(job).await.expect("the job is published");
    }

    /// Publishes any message: to the exchange of jobs if it goes to their queue, else to that of work.
    pub async fn publish_to(&self, routing_key: &str, body: impl AsRef<[u8]>) {
        self.publish_with(routing_key, body, FieldTable::default()).await;
    }

    /// The same with headers.
    pub async fn publish_with(&self, routing_key: &str, body: impl AsRef<[u8]>, headers: FieldTable) {
        let Queues {
            channel, topology, ..
        } = &self.queues;
        let exchange = match routing_key {
            "requested" | "cancel" => topology.jobs_exchange(),
            _ => topology.work_exchange(),
        };
        let published = dialer::publish(channel, exchange, routing_key, body.as_ref(), headers).await;
        published.expect("the message is published");
    }

    /// Uploads a file and publishes its job.
    pub async fn submit(&self, tenant: Tenant, csv: impl Into<Vec<u8>>) -> Value {
        let job = self.upload(tenant, csv).await;
        self.publish(&job).await;
        job
    }

    /// Uploads a file, publishes its job and waits for its final event.
    pub async fn import(&self, tenant: Tenant, csv: impl Into<Vec<u8>>) -> Value {
        let job = self.upload(tenant, csv).await;
        self.run(&job).await
    }

    /// Publishes a job and waits for its final event.
    pub async fn run(&self, job: &Value) -> Value {
        self.publish(job).await;
        self.final_event(job).await
    }

    /// All events of an import so far.
    pub fn events(&self, job: &Value) -> Vec<Value> {
        self.dialer.events(job)
    }

    /// The final events so far that differ: one, however often it came.
    pub fn final_events(&self, job: &Value) -> Vec<Value> {
        let mut events = self.events(job);
        events.retain(is_final);
        events.dedup();
        events
    }

    /// Waits for the event with which an import ends, or its job is refused.
    pub async fn final_event(&self, job: &Value) -> Value {
        eventually("the final event", async || {
            self.events(job).into_iter().find(is_answer)
        })
        .await
    }

    /// Waits until the same event has come again.
    pub async fn event_once_more(&self, event: &Value) {
        let job = json!({ "import_id": event["subject"] });
        eventually("the event once more", async || {
            let same = self
                .events(&job)
                .into_iter()
                .filter(|other| other["id"] == event["id"]);
            (same.count() > 1).then_some(())
        })
        .await;
    }

    /// Waits for the event with which an attempt ends.
    pub async fn event_of_attempt(&self, job: &Value, attempt: u32) -> Value {
        let last = format!("{}/{attempt}", id(job));
        eventually("the attempt's final event", async || {
            self.events(job).into_iter().find(|event| event["id"] == last)
        })
        .await
    }

    /// The reports that a final event names.
    pub async fn reports(&self, event: &Value) -> Reports {
        let report = async |name: &str| {
            let key = event["data"]["reports"][name].as_str().expect("a key");
            self.object(key).await.expect("a report")
        };
        Reports {
            success: report("success").await,
            errors: report("errors").await,
        }
    }

    /// The content of an object.
    pub async fn object(&self, key: &str) -> Option<Vec<u8>> {
        match self.storage.get(key, u64::MAX).await.expect("object storage") {
            Fetched::Found { content, .. } => Some(content.expect("no limit").to_vec()),
            Fetched::Missing => None,
        }
    }

    /// Every user of the tenant is in the success CSV, with the password that verifies, and nobody else is.
    pub async fn assert_passwords_verify(&self, tenant: Tenant, reports: &Reports) {
        let users: Vec<(String, String, String, String, String, bool)> = sqlx::query_as(
            "SELECT user_id::text, username, email, virtual_extension, password_hash, password_must_change
               FROM dialer.users WHERE tenant_id = $1",
        )
        .bind(tenant.id.get())
        .fetch_all(&self.db)
        .await
        .expect("the users");
        let rows = reports.success_rows();
        assert_eq!(users.len(), rows.len());
        for (user_id, username, email, extension, hash, must_change) in users {
            let row = rows.iter().find(|row| row[0] == user_id).expect("the user's row");
            assert_eq!(row[1..4], [username.clone(), email, extension]);
            assert!(
                must_change && verifies(&row[4], &hash),
                "{username}'s password verifies"
            );
        }
    }

    /// The reports that a final event names. Every user of its tenant is in the success CSV, with the password that
    /// verifies.
    pub async fn verified_reports(&self, event: &Value) -> Reports {
        let reports = self.reports(event).await;
        let tenant_id = event["data"]["tenant_id"].clone();
        let id = serde_json::from_value(tenant_id).expect("a tenant's ID");
        self.assert_passwords_verify(Tenant { id }, &reports).await;
        reports
    }

    /// Waits until the import is completed with a user for every row, whose password verifies. Returns the event.
    pub async fn completed_whole(&self, job: &Value, rows: u32) -> Value {
        let event = self.final_event(job).await;
        let found = &final_data(&event, "completed")["summary"];
        assert_eq!(*found, summary(rows, 0, 0), "{event}");
        assert_eq!(event["data"]["tenant_id"], job["tenant_id"]);
        self.verified_reports(&event).await;
        event
    }

    /// Leaves the Dialer's queue to somebody else.
    pub async fn stop_listening(&self) {
        self.dialer.stop_listening();
        self.left_alone(self.queues.topology.dialer_queue()).await;
    }
}
