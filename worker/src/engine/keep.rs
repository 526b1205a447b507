//! What the broker itself set aside becomes a dead letter like any other, and so does what workers of earlier versions
//! set aside there.

use tokio_util::sync::CancellationToken;

use super::{fail::set_aside, outage::pause, publish::publish};
use crate::{
    broker::{self, Delivery, Link, SetAside},
    message::Message,
    policy::reconnect_delays,
    steps::Context,
};

/// Moves a message out of the broker's queue of dead letters into the table. It is held until the database has it,
/// because there is no other place for it. Returns without an acknowledgement if told to stop before.
pub(super) async fn keep(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    found: &SetAside,
    stop: &CancellationToken,
) -> Result<(), broker::Error> {
    let letter = &found.letter;
    let mut delays = reconnect_delays();
    let event = loop {
        let kept = match found.by_worker {
            true => context.db.set_aside(letter, None).await.map(|_| None),
            false => set_aside(context, delivery, letter).await,
        };
        match kept {
            Ok(event) => break event,
            Err(error) => pause("database", &error, &mut delays, stop).await,
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    };
    crash_point!("dead-letter-kept");
    context.metrics.dead_letter(letter.reason);
    tracing::warn!(
        reason = letter.reason.as_str(),
        "moved from the broker's dead letters into the database"
    );
    let event: Vec<Message> = event.into_iter().map(Message::event).collect();
    // Waits for a queue that refuses the event: there is no other place for the message.
    let mut delays = reconnect_delays();
    while let Err(refused) = publish(context, link, &event).await {
        match refused {
            refused if refused.is_of_one_queue() => pause("event queue", &refused, &mut delays, stop).await,
            broken => return Err(broken),
        }
        if stop.is_cancelled() {
            return Ok(());
        }
    }
    delivery.acknowledge().await;
    Ok(())
}
