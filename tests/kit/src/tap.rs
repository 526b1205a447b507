//! Listens to exchanges, alongside those whom the messages are for.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use lapin::{
    BasicProperties, Channel,
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    types::{FieldTable, ShortString},
};

use crate::eventually;

/// Keys of work messages: a direct exchange has no wildcard. The others take `#` for every key, or look at none.
const KEYS: [&str; 8] = [
    "#",
    "requested",
    "cancel",
    "plans.00",
    "plans.01",
    "rows.00",
    "rows.01",
    "reports",
];

/// A message that passed.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The exchange, without prefix.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// Content type, headers and so on.
    pub properties: BasicProperties,
    /// The body.
    pub body: Vec<u8>,
}

/// Copies of all messages that passed since it was opened.
#[derive(Debug)]
pub struct Tap {
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Tap {
    pub(crate) async fn open(channel: &Channel, prefix: &str, exchanges: &[&str]) -> Self {
        let options = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let queue: ShortString = format!("{prefix}tap").into();
        channel
            .queue_declare(queue.clone(), options, FieldTable::default())
            .await
            .expect("a queue");
        for exchange in exchanges {
            for key in KEYS {
                channel
                    .queue_bind(
                        queue.clone(),
                        format!("{prefix}{exchange}").into(),
                        key.into(),
                        QueueBindOptions::default(),
                        FieldTable::default(),
                    )
                    .await
                    .expect("the exchange");
            }
        }
        let no_ack = BasicConsumeOptions {
            no_ack: true,
            ..BasicConsumeOptions::default()
        };
        let mut deliveries = channel
            .basic_consume(queue, ShortString::default(), no_ack, FieldTable::default())
            .await
            .expect("the tap's queue");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (kept, prefix) = (Arc::clone(&heard), prefix.to_owned());
        tokio::spawn(async move {
            while let Some(Ok(delivery)) = deliveries.next().await {
                kept.lock().expect("the tap").push(Heard {
                    exchange: delivery.exchange.as_str().trim_start_matches(&prefix).to_owned(),
                    routing_key: delivery.routing_key.to_string(),
                    properties: delivery.properties,
                    body: delivery.data,
                });
            }
        });
        Self { heard }
    }

    /// Waits until a message has passed this exchange.
    pub async fn until(&self, exchange: &str) {
        eventually(exchange, async || {
            let heard = self.heard();
            heard.iter().any(|heard| heard.exchange == exchange).then_some(())
        })
        .await;
    }

    /// What passed so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("the tap").clone()
    }
}
