//! The Dialer's side of the contract: publishes jobs and hears events. It knows the names of an exchange and of a queue,
//! as any Dialer does, and nothing of the worker.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions},
    types::{FieldTable, ShortString},
};
use serde_json::Value;
use tokio::sync::watch;

use crate::contract;

/// How long the broker may take to confirm a message, the largest of 60 MB on a busy machine included.
const CONFIRM: Duration = Duration::from_secs(30);

/// Between attempts to subscribe again.
const PAUSE: Duration = Duration::from_millis(300);

/// A Dialer that is connected to the broker.
#[derive(Debug)]
pub struct Dialer {
    url: String,
    exchange: String,
    // Open once something was published; a connection that failed is replaced.
    publishing: tokio::sync::Mutex<Option<(Connection, Channel)>>,
    inbox: Arc<Mutex<Inbox>>,
    // The subscription ends when something is sent here, or this is dropped.
    listening: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Inbox {
    events: Vec<(Instant, Value)>,
    breaches: Vec<String>,
}

impl Dialer {
    /// Connects to the broker at this URL, where all names begin with this prefix. Listens for events from now on, and
    /// reconnects whenever it must.
    pub fn connect(url: String, prefix: &str) -> Self {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let (hearing, queue) = (Arc::clone(&inbox), format!("{prefix}dialer.import-events"));
        let broker = url.clone();
        let (listening, mut stop) = watch::channel(());
        tokio::spawn(async move {
            while matches!(stop.has_changed(), Ok(false)) {
                // Why a subscription ends does not matter: the next one may last.
                if let Ok(mut subscription) = Subscription::open(&broker, &queue).await {
                    loop {
                        let heard = tokio::select! {
                            heard = subscription.next() => heard,
                            _ = stop.changed() => return subscription.close().await,
                        };
                        let mut inbox = hearing.lock().expect("the inbox");
                        match heard {
                            Ok(Ok(event)) => inbox.events.push((Instant::now(), event)),
                            Ok(Err(breach)) => inbox.breaches.push(breach),
                            Err(_) => break,
                        }
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self {
            url,
            exchange: format!("{prefix}imports"),
            publishing: tokio::sync::Mutex::new(None),
            inbox,
            listening,
        }
    }

    /// Publishes a job.
    ///
    /// # Errors If the broker has not confirmed it, or has no queue for it. It may have been accepted nevertheless.
    pub async fn publish(&self, job: &Value) -> anyhow::Result<()> {
        let body = job.to_string();
        let confirmed = tokio::time::timeout(CONFIRM, async {
            let channel = self.channel().await?;
            let exchange = self.exchange.as_str().into();
            publish(
                &channel,
                exchange,
                "requested",
                body.as_bytes(),
                FieldTable::default(),
            )
            .await
        });
        let confirmed = confirmed.await.context("the broker does not confirm");
        let confirmed = confirmed.and_then(|confirmed| confirmed);
        if confirmed.is_err() {
            *self.publishing.lock().await = None;
        }
        confirmed
    }

    async fn channel(&self) -> anyhow::Result<Channel> {
        let mut publishing = self.publishing.lock().await;
        if let Some((_, channel)) = &*publishing {
            return Ok(channel.clone());
        }
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        *publishing = Some((connection, channel.clone()));
        Ok(channel)
    }

    /// All events with the time of their arrival, from the given one on.
    pub fn arrivals(&self, from: usize) -> Vec<(Instant, Value)> {
        let inbox = self.inbox.lock().expect("the inbox");
        inbox.events.get(from..).unwrap_or_default().to_vec()
    }

    /// All events of a job's import so far.
    pub fn events(&self, job: &Value) -> Vec<Value> {
        let inbox = self.inbox.lock().expect("the inbox");
        let events = inbox.events.iter().map(|(_, event)| event);
        events
            .filter(|event| event["subject"] == job["import_id"])
            .cloned()
            .collect()
    }

    /// The answers so far, by import, however often each came.
    pub fn answers(&self) -> HashMap<String, Vec<Value>> {
        let inbox = self.inbox.lock().expect("the inbox");
        let mut imports = HashMap::<String, Vec<Value>>::new();
        for (_, event) in inbox.events.iter().filter(|(_, event)| is_answer(event)) {
            let import_id = event["subject"].as_str().unwrap_or_default();
            imports
                .entry(import_id.to_owned())
                .or_default()
                .push(event.clone());
        }
        imports
    }

    /// What is wrong with events that were not what the contract promises.
    pub fn breaches(&self) -> Vec<String> {
        self.inbox.lock().expect("the inbox").breaches.clone()
    }

    /// Leaves the queue to somebody else.
    pub fn stop_listening(&self) {
        self.listening.send_replace(());
    }
}

/// Publishes a message on a channel with confirms, and waits until the broker has it in a queue.
///
/// # Errors
/// If the broker does not take it, or has no queue for it.
pub async fn publish(
    channel: &Channel,
    exchange: ShortString,
    routing_key: &str,
    body: &[u8],
    headers: FieldTable,
) -> anyhow::Result<()> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(headers)
        .with_content_type("application/json".into());
    let sent = channel.basic_publish(exchange, routing_key.into(), options, body, properties);
    let confirmed = sent.await?.await?;
    let routed = confirmed.is_ack() && confirmed.take_message().is_none();
    ensure!(routed, "{routing_key} is not routed");
    Ok(())
}

/// Whether an attempt ends with this event.
pub fn is_final(event: &Value) -> bool {
    let kinds = ["completed", "rejected", "failed", "cancelled"];
    kinds
        .iter()
        .any(|kind| event["type"] == format!("dialer.import.{kind}"))
}

/// Whether a job is answered by this event: its import has come to its end, or the job was refused.
pub fn is_answer(event: &Value) -> bool {
    is_final(event) || event["type"] == "dialer.import.refused"
}

/// Whether the job of this import is answered by this event.
pub fn is_answer_to(event: &Value, import_id: &str) -> bool {
    event["subject"] == import_id && is_answer(event)
}

/// A subscription to the events of a queue.
#[derive(Debug)]
pub struct Subscription {
    connection: Connection,
    deliveries: Consumer,
}

impl Subscription {
    /// Connects to the broker at this URL and subscribes.
    ///
    /// # Errors
    /// If the broker cannot be reached, or does not allow it.
    pub async fn open(url: &str, queue: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let (any_tag, options) = (ShortString::default(), BasicConsumeOptions::default());
        let deliveries = channel
            .basic_consume(queue.into(), any_tag, options, FieldTable::default())
            .await?;
        Ok(Self {
            connection,
            deliveries,
        })
    }

    /// The next event, or what is wrong with it; acknowledged.
    ///
    /// # Errors
    /// If the broker ends the subscription.
    pub async fn next(&mut self) -> anyhow::Result<Result<Value, String>> {
        let delivery = self.deliveries.next().await;
        let delivery = delivery.context("the broker ended the subscription")??;
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(contract::check_event(&delivery))
    }

    async fn close(self) {
        // A connection that is gone already is closed as well.
        let _ = self.connection.close(200, "done".into()).await;
    }
}
