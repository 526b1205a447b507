//! Sending: messages go in; the call returns when the broker has stored and routed every one of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::select_all;
use lapin::{
    Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::Mutex;

use super::{
    connection::within,
    delivery::Delivery,
    envelope::{self, Envelope},
    error::Error,
    topology::Topology,
};
use crate::{
    message::{Message, Trace},
    policy::Delay,
};

/// A quorum queue confirms after a disk write, which under load takes hundreds of milliseconds; after this time we give
/// up.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(15);

/// How long nothing is sent to a queue that did not confirm in time.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// Calls that wait for their confirms at the same time. What takes time is the broker's disk, which stores together
/// what arrives together.
const CHANNELS: usize = 8;

/// Sends messages over channels in confirm mode.
#[derive(Debug)]
pub struct Publisher {
    /// One call at a time on each: lapin can attach a returned message to the confirm of a neighbour, so whatever is
    /// returned must belong to the call that sees it.
    channels: Vec<Mutex<Channel>>,
    connection: Connection,
    topology: Topology,
    /// Queues that have not confirmed in time, and since when: messages to them do not wait again.
    unconfirmed: std::sync::Mutex<HashMap<String, Instant>>,
}

impl Publisher {
    /// Opens channels on the connection.
    pub(super) async fn open(connection: Connection, topology: Topology) -> lapin::Result<Self> {
        let mut channels = Vec::with_capacity(CHANNELS);
        for _ in 0..CHANNELS {
            channels.push(Mutex::new(confirming(&connection).await?));
        }
        Ok(Self {
            channels,
            connection,
            topology,
            unconfirmed: std::sync::Mutex::default(),
        })
    }

    /// Whether the connection is open, as far as is known.
    pub fn is_open(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker takes no messages at the moment, because it is short of memory or disk.
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Sends all messages. After an error some of them may have been sent, but none is known to be.
    pub async fn publish(&self, messages: &[Message]) -> Result<(), Error> {
        self.publish_in(&Trace::default(), messages).await
    }

    /// The same, as part of a trace.
    pub async fn publish_in(&self, trace: &Trace, messages: &[Message]) -> Result<(), Error> {
        let envelopes = messages
            .iter()
            .map(|message| envelope::envelope(message, trace, &self.topology))
            .collect::<Result<Vec<_>, _>>()?;
        self.send(&envelopes).await
    }

    /// Sends the delivery again, after the delay for this many failed tries.
    pub async fn retry(&self, delivery: &Delivery, retry_count: u32) -> Result<(), Error> {
        self.send(&[envelope::retry(delivery, retry_count, &self.topology)])
            .await
    }

    /// Sends the delivery again after a delay, which is not counted as a failure.
    pub async fn postpone(&self, delivery: &Delivery, delay: Delay) -> Result<(), Error> {
        self.send(&[envelope::postponed(delivery, delay, &self.topology)])
            .await
    }

    /// Sends the delivery into the quarantine again, so that its deliveries there are counted from 0.
    pub async fn count_anew(&self, delivery: &Delivery) -> Result<(), Error> {
        self.send(&[envelope::counted_anew(delivery, &self.topology)])
            .await
    }

    /// Publishes the body of a dead letter as if it had never failed: with the routing key that it first had.
    pub async fn replay(&self, origin: &str, body: &[u8]) -> Result<(), Error> {
        self.send(&[envelope::replayed(origin, body, &self.topology)])
            .await
    }

    async fn send(&self, envelopes: &[Envelope]) -> Result<(), Error> {
        let envelopes: Vec<&Envelope> = envelopes.iter().collect();
        if envelopes.is_empty() {
            return Ok(());
        }
        self.check_unconfirmed(&envelopes)?;
        let mut by_queue: BTreeMap<String, Vec<&Envelope>> = BTreeMap::new();
        for &envelope in &envelopes {
            by_queue
                .entry(self.queue_of(envelope))
                .or_default()
                .push(envelope);
        }
        match self.send_together(&envelopes).await {
            // One that does not answer can keep the broker from confirming the others: sending to each separately shows
            // which it is.
            Err(Error::Silent { .. }) if by_queue.len() > 1 => {
                for envelopes in by_queue.values() {
                    self.send_together(envelopes).await?;
                }
                Ok(())
            }
            sent => sent,
        }
    }

    async fn send_together(&self, envelopes: &[&Envelope]) -> Result<(), Error> {
        let (mut channel, ..) =
            select_all(self.channels.iter().map(|channel| Box::pin(channel.lock()))).await;
        // Another call may have waited for the same queue without success in the meantime.
        self.check_unconfirmed(envelopes)?;
        let sent = self.send_over(&channel, envelopes).await;
        if let Err(Error::Silent { queue }) = &sent
            && envelopes.iter().all(|envelope| self.queue_of(envelope) == *queue)
        {
            self.unconfirmed().insert(queue.clone(), Instant::now());
        }
        if sent.as_ref().is_err_and(Error::is_of_one_queue) {
            // A quorum queue that has refused a channel once may do so for ever: when its limit is removed, it notifies
            // nobody (seen with RabbitMQ 3.10). A confirm that was not waited for would be taken for that of a later
            // call.
            *channel = within(CONFIRM_TIMEOUT, "opening a channel", async {
                Ok(confirming(&self.connection).await?)
            })
            .await?;
        }
        sent
    }

    /// An error if one of the messages leads to a queue that has just failed to confirm.
    fn check_unconfirmed(&self, envelopes: &[&Envelope]) -> Result<(), Error> {
        let mut unconfirmed = self.unconfirmed();
        unconfirmed.retain(|_, since| since.elapsed() < LEFT_ALONE);
        if unconfirmed.is_empty() {
            return Ok(());
        }
        let mut queues = envelopes.iter().map(|envelope| self.queue_of(envelope));
        match queues.find(|queue| unconfirmed.contains_key(queue)) {
            Some(queue) => Err(Error::Silent { queue }),
            None => Ok(()),
        }
    }

    fn unconfirmed(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_over(&self, channel: &Channel, envelopes: &[&Envelope]) -> Result<(), Error> {
        let status = self.connection.status();
        let confirmed_before = AtomicUsize::new(0);
        let confirmed = async {
            let mut confirms = Vec::with_capacity(envelopes.len());
            for &envelope in envelopes {
                let options = BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                };
                let sent = channel
                    .basic_publish(
                        envelope.exchange.clone(),
                        envelope.routing_key.clone(),
                        options,
                        &envelope.body,
                        envelope.properties.clone(),
                    )
                    .await?;
                confirms.push((envelope, sent));
            }
            let mut published = Ok(());
            for (envelope, confirm) in confirms {
                published = published.and(self.published(envelope, confirm.await?));
                confirmed_before.fetch_add(1, Ordering::Relaxed);
            }
            published
        };
        let mut confirmed = std::pin::pin!(confirmed);
        loop {
            match tokio::time::timeout(CONFIRM_TIMEOUT, &mut confirmed).await {
                Ok(done) => return done,
                // Flow control: the broker is short of memory or disk, and takes messages again when it is not. Until
                // then a new connection would be no better off.
                Err(_) if status.connected() && status.blocked() => {
                    tracing::warn!("broker takes no messages because it is short of memory or disk, waiting");
                }
                // Heartbeats detect a dead connection before this.
                Err(_) => {
                    let unconfirmed = envelopes.get(confirmed_before.load(Ordering::Relaxed));
                    let queue = unconfirmed.map_or_else(String::new, |envelope| self.queue_of(envelope));
                    return Err(Error::Silent { queue });
                }
            }
        }
    }

    /// A returned message is acknowledged too, so an acknowledgement alone proves nothing.
    fn published(&self, envelope: &Envelope, confirmation: Confirmation) -> Result<(), Error> {
        match confirmation {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Err(Error::Unroutable {
                exchange: envelope.exchange.to_string(),
                routing_key: envelope.routing_key.to_string(),
            }),
            Confirmation::Nack(None) | Confirmation::NotRequested => Err(Error::Refused {
                queue: self.queue_of(envelope),
            }),
        }
    }

    fn queue_of(&self, envelope: &Envelope) -> String {
        self.topology
            .queue_of(&envelope.exchange, &envelope.routing_key)
            .to_string()
    }
}

/// A channel on which the broker confirms what it has stored.
async fn confirming(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}
