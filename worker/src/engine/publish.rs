//! What follows from a delivery is published as a part of its trace.

use crate::{
    broker::{self, Link},
    message::{Message, Trace},
    steps::Context,
    telemetry::traces,
};

/// Publishes the messages as a part of the trace.
pub(super) async fn publish(
    context: &Context,
    link: &Link,
    messages: &[Message],
) -> Result<(), broker::Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let publish = async |trace: Trace| {
        let published = link.publisher().publish_in(&trace, messages).await;
        note_silence(context, link, &published).await;
        published
    };
    // Work and an event together count as work.
    let are_events = messages
        .iter()
        .all(|message| matches!(message, Message::Event(_)));
    let topology = link.topology();
    let exchange = if are_events {
        topology.events_exchange()
    } else {
        topology.work_exchange()
    };
    traces::send(exchange.as_str(), messages.len(), publish).await
}

/// Makes imports go to other shards for a while, if a shard's queue did not answer.
pub(super) async fn note_silence(context: &Context, link: &Link, published: &Result<(), broker::Error>) {
    let Err(broker::Error::Silent { queue }) = published else {
        return;
    };
    let Some(shard) = link.topology().shard_of(queue) else {
        return;
    };
    if let Err(error) = context.db.leave_shard_alone(shard).await {
        tracing::debug!(%error, "could not record that a shard is silent");
    }
}
