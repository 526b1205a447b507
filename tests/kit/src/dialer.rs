//! The Dialer's side: uploads, jobs, events, reports.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::{FieldTable, ShortString},
};
use serde_json::{Value, json};
use uuid::Uuid;
use worker::storage::Fetched;

use crate::{Tap, Tenant, World, contract, eventually, variable};

/// The events that the Dialer has received, and its channel for publishing.
#[derive(Debug)]
pub(crate) struct Inbox {
    channel: Channel,
    events: Arc<Mutex<Vec<(Instant, Value)>>>,
    /// What is wrong with events that did not hold what the contract promises.
    breaches: Arc<Mutex<Vec<String>>>,
    listening: Channel,
    // Closed when dropped.
    _connections: [Connection; 2],
}

impl Inbox {
    pub(crate) async fn open(name: &str) -> Self {
        let connect = async |url: &str| {
            Connection::connect(url, ConnectionProperties::default())
                .await
                .expect("the broker")
        };
        let dialer = connect(&variable("DIALER_AMQP_URL")).await;
        let admin = connect(&variable("AMQP_ADMIN_URL")).await;
        let listening = dialer.create_channel().await.expect("a channel");
        let mut deliveries = listening
            .basic_consume(
                format!("{name}.dialer.import-events").into(),
                ShortString::default(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("the Dialer's queue");
        let events = Arc::new(Mutex::new(Vec::new()));
        let breaches = Arc::new(Mutex::new(Vec::new()));
        let (received, broken) = (Arc::clone(&events), Arc::clone(&breaches));
        tokio::spawn(async move {
            // Ends when the test's connection is closed.
            while let Some(Ok(delivery)) = deliveries.next().await {
                match contract::check_event(&delivery) {
                    Ok(event) => received.lock().expect("the events").push((Instant::now(), event)),
                    Err(breach) => broken.lock().expect("the breaches").push(breach),
                }
                delivery
                    .ack(BasicAckOptions::default())
                    .await
                    .expect("an event is acknowledged");
            }
        });
        let channel = admin.create_channel().await.expect("a channel");
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .expect("confirms");
        Self {
            channel,
            events,
            breaches,
            listening,
            _connections: [dialer, admin],
        }
    }
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
    /// Rows of the success CSV: user ID, username, email, virtual extension, temporary password.
    pub fn success_rows(&self) -> Vec<Vec<String>> {
        records(&self.success)
    }

    /// Rows of the error CSV.
    pub fn error_rows(&self) -> Vec<Vec<String>> {
        records(&self.errors)
    }
}

fn records(report: &[u8]) -> Vec<Vec<String>> {
    let text = report
        .strip_prefix(b"\xef\xbb\xbf")
        .expect("a report begins with a BOM");
    let mut reader = csv::Reader::from_reader(text);
    let records = reader.records().map(|record| record.expect("a report is CSV"));
    records
        .map(|record| record.iter().map(str::to_owned).collect())
        .collect()
}

/// The data of an event, which must be of the given type.
pub fn final_data<'a>(event: &'a Value, kind: &str) -> &'a Value {
    assert_eq!(event["type"], format!("dialer.import.{kind}"), "{event}");
    &event["data"]
}

impl World {
    /// Panics if an event came that is not what the contract promises, whatever the test looked at.
    pub(crate) fn assert_contract(&self) {
        let breaches = self.inbox.breaches.lock().expect("the breaches");
        assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    }

    /// A copy of everything that is published to these exchanges from now on, whatever its routing key. The names are
    /// those without prefix.
    pub async fn tap(&self, exchanges: &[&str]) -> Tap {
        Tap::open(&self.inbox.channel, &self.prefix(), exchanges).await
    }

    /// Uploads a file for the tenant and returns the smallest job that imports it.
    pub async fn upload(&self, tenant: Tenant, csv: impl Into<Vec<u8>>) -> Value {
        let import_id = Uuid::new_v4();
        let key = format!("tenants/{}/uploads/{import_id}/users.csv", tenant.id);
        self.storage
            .put(&key, csv.into(), "text/csv")
            .await
            .expect("the file is uploaded");
        json!({ "version": 1, "import_id": import_id, "tenant_id": tenant.id, "source": { "key": key } })
    }

    /// Publishes a job, as the Dialer does.
    pub async fn publish(&self, job: &Value) {
        self.publish_to("requested", job.to_string().as_bytes()).await;
    }

    /// Publishes any message: to the exchange of jobs if it goes to their queue, else to that of work.
    pub async fn publish_to(&self, routing_key: &str, body: &[u8]) {
        self.publish_with(routing_key, body, FieldTable::default()).await;
    }

    /// The same with headers.
    pub async fn publish_with(&self, routing_key: &str, body: &[u8], headers: FieldTable) {
        let exchange = match routing_key {
            "requested" => self.topology().jobs_exchange(),
            _ => self.topology().work_exchange(),
        };
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_headers(headers)
            .with_content_type("application/json".into());
        let sent = self
            .inbox
            .channel
            .basic_publish(exchange, routing_key.into(), options, body, properties);
        let confirmed = sent.await.expect("published").await.expect("confirmed");
        assert!(
            confirmed.is_ack() && confirmed.take_message().is_none(),
            "{routing_key} is routed"
        );
    }

    /// Leaves the Dialer's queue to somebody else.
    pub async fn stop_listening(&self) {
        self.inbox
            .listening
            .close(200, "done".into())
            .await
            .expect("the channel is closed");
    }

    /// All events of an import so far.
    pub fn events(&self, job: &Value) -> Vec<Value> {
        let events = self.inbox.events.lock().expect("the events");
        events
            .iter()
            .map(|(_, event)| event)
            .filter(|event| event["subject"] == job["import_id"])
            .cloned()
            .collect()
    }

    /// All events with the time of their arrival, from the given one on.
    pub fn arrivals(&self, from: usize) -> Vec<(Instant, Value)> {
        let events = self.inbox.events.lock().expect("the events");
        events.get(from..).unwrap_or_default().to_vec()
    }

    /// Waits for the event with which an import ends.
    pub async fn final_event(&self, job: &Value) -> Value {
        eventually("the final event", async || {
            self.events(job)
                .into_iter()
                .find(|event| event["type"] != "dialer.import.progress")
        })
        .await
    }

    /// Waits for an open dead letter, discards it and returns its reason and its body.
    pub async fn dead_letter(&self) -> (String, Vec<u8>) {
        eventually("a dead letter", async || {
            sqlx::query_as(
                "UPDATE imports.dead_letters SET state = 'discarded', closed_at = now(), closed_by = 'the test'
                  WHERE dead_letter_id = (SELECT min(dead_letter_id) FROM imports.dead_letters WHERE state = 'open')
              RETURNING reason, body",
            )
            .fetch_optional(&self.db)
            .await
            .expect("the dead letters")
        })
        .await
    }

    /// The number of open dead letters.
    pub async fn dead_letters(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM imports.dead_letters WHERE state = 'open'")
            .fetch_one(&self.db)
            .await
            .expect("the dead letters")
    }

    /// The number of messages that wait in a queue.
    pub async fn waiting(&self, queue: &str) -> u32 {
        let options = lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let queue = format!("{}{queue}", self.prefix());
        let declared = self
            .inbox
            .channel
            .queue_declare(queue.into(), options, FieldTable::default())
            .await;
        declared.expect("the queue is there").message_count()
    }

    /// Empties all queues of work, delay queues included, once the broker knows that all workers are gone: what they hold
    /// is in no queue.
    pub async fn purge_all(&self) {
        for queue in self.work_queues() {
            self.left_alone(&queue).await;
            let purged = self
                .inbox
                .channel
                .queue_purge(queue, lapin::options::QueuePurgeOptions::default());
            purged.await.expect("a queue is purged");
        }
    }

    /// Deletes all queues of work with what is in them, as the loss of the broker's disk does.
    pub async fn delete_work_queues(&self) {
        for queue in self.work_queues() {
            self.left_alone(&queue).await;
            let deleted = self
                .inbox
                .channel
                .queue_delete(queue, lapin::options::QueueDeleteOptions::default());
            deleted.await.expect("a queue is deleted");
        }
    }

    async fn left_alone(&self, queue: &ShortString) {
        let passive = lapin::options::QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        eventually("the end of the workers' subscriptions", async || {
            let declared = self
                .inbox
                .channel
                .queue_declare(queue.clone(), passive, FieldTable::default());
            (declared.await.expect("the queue is there").consumer_count() == 0).then_some(())
        })
        .await;
    }

    fn work_queues(&self) -> impl Iterator<Item = ShortString> {
        let (_, queues) = self.topology().names();
        let kept = [self.topology().dialer_queue(), self.topology().dead()];
        queues.into_iter().filter(move |queue| !kept.contains(queue))
    }

    /// The reports that a completed event names.
    pub async fn reports(&self, event: &Value) -> Reports {
        let reports = &event["data"]["reports"];
        let success = self
            .object(reports["success"].as_str().expect("a key"))
            .await
            .expect("the success CSV");
        let errors = self
            .object(reports["errors"].as_str().expect("a key"))
            .await
            .expect("the error CSV");
        Reports { success, errors }
    }

    /// The content of an object.
    pub async fn object(&self, key: &str) -> Option<Vec<u8>> {
        match self.storage.get(key, u64::MAX).await.expect("object storage") {
            Fetched::Found { content, .. } => Some(content.expect("no limit").to_vec()),
            Fetched::Missing => None,
        }
    }
}
