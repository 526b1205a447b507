//! Dead letters: the messages that were set aside for an operator, read without taking them away.
//!
//! They are fetched and held unacknowledged. Only those that were dealt with are acknowledged; all others return to
//! their places when the channel closes, however the command ends.

use lapin::{
    Acker, Channel,
    message::BasicGetMessage,
    options::{BasicAckOptions, BasicGetOptions},
    types::FieldTable,
};
use uuid::Uuid;

use super::{
    connection::{CONNECT_TIMEOUT, within},
    error::Error,
    headers::{
        IMPORT_HEADER, RETRY_COUNT_HEADER, SIZE_HEADER, TENANT_HEADER, count, death_reason, died_in, text,
    },
    link::Link,
    topology::Topology,
};
use crate::message::Subject;

/// Most letters that are held at one time: with jobs of 256 KiB some GiB at worst, usually a few MiB.
const MOST_HELD: usize = 10_000;

/// The dead letters, held until this is closed or dropped.
#[derive(Debug)]
pub struct DeadLetters {
    channel: Channel,
    /// The letters, the oldest first.
    pub letters: Vec<DeadLetter>,
}

/// A message that was set aside.
#[derive(Debug)]
pub struct DeadLetter {
    /// Its ID; made from its content, if its publisher gave it none.
    pub message_id: String,
    /// Why it was set aside.
    pub reason: String,
    /// The last error.
    pub error: Option<String>,
    /// The key that leads to the queue in which it came.
    pub origin: String,
    /// How often it had failed before.
    pub retry_count: u32,
    /// The import that it is about, if the message tells it.
    pub subject: Option<Subject>,
    /// The message, or its beginning.
    pub body: Vec<u8>,
    /// Size of the message in bytes.
    pub size_bytes: usize,
    acker: Acker,
}

impl DeadLetter {
    /// Whether the message was too large to be kept, so that nothing can be done with it.
    pub const fn is_cut(&self) -> bool {
        self.body.len() < self.size_bytes
    }

    /// Takes the letter out of the queue.
    pub async fn remove(&self) -> Result<(), Error> {
        match self.acker.ack(BasicAckOptions::default()).await? {
            true => Ok(()),
            false => Err(Error::Gone),
        }
    }

    fn of(message: BasicGetMessage, topology: &Topology) -> Self {
        let delivery = message.delivery;
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        let brokers_reason = death_reason(&headers);
        let came_in = died_in(&headers).find_map(|queue| topology.key_of(&queue));
        if brokers_reason.is_some() {
            // The broker itself set it aside, so no worker wrote its headers.
            headers = FieldTable::default();
        }
        let id = delivery.properties.message_id().as_ref().map(ToString::to_string);
        let whole = usize::try_from(count(&delivery.properties, SIZE_HEADER)).unwrap_or(usize::MAX);
        Self {
            message_id: id.unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, &delivery.data).to_string()),
            reason: text(&headers, "import-reason")
                .or(brokers_reason)
                .unwrap_or_else(|| "unknown".to_owned()),
            error: text(&headers, "import-error"),
            origin: text(&headers, "import-origin")
                .or_else(|| came_in.map(|key| key.to_string()))
                .unwrap_or_else(|| delivery.routing_key.to_string()),
            retry_count: count(&delivery.properties, RETRY_COUNT_HEADER),
            // What the broker itself set aside has no headers of ours, what is cut no body that could be read.
            subject: Subject::of(&delivery.data).or_else(|| subject(&headers)),
            size_bytes: delivery.data.len().max(whole),
            body: delivery.data,
            acker: delivery.acker,
        }
    }
}

impl DeadLetters {
    /// Lets all letters return that were not removed, and says when they have.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.channel.close(200, "done".into()).await?)
    }
}

impl Link {
    /// Fetches the dead letters.
    pub async fn dead_letters(&self) -> Result<DeadLetters, Error> {
        within(CONNECT_TIMEOUT, "reading the dead letters", async {
            let channel = self.channel().await?;
            let mut letters = Vec::new();
            while letters.len() < MOST_HELD
                && let Some(message) = channel
                    .basic_get(self.topology().dead(), BasicGetOptions::default())
                    .await?
            {
                letters.push(DeadLetter::of(message, self.topology()));
            }
            Ok(DeadLetters { channel, letters })
        })
        .await
    }
}

fn subject(headers: &FieldTable) -> Option<Subject> {
    let tenant_id = headers.inner().get(TENANT_HEADER)?.as_long_long_int()?;
    Some(Subject {
        import_id: text(headers, IMPORT_HEADER)?.parse().ok()?,
        tenant_id: tenant_id.try_into().ok()?,
        attempt: None,
    })
}
