//! Plays the Dialer's listener: takes events from the Dialer's queue until the final one of an import, and prints it.
//!
//! It knows the contract and a queue's name, as any Dialer does, and nothing of the worker.

use std::{io::Write, time::Duration};

use anyhow::Context;
use clap::Parser;
use futures::StreamExt;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions},
    types::{FieldTable, ShortString},
};
use shared::contract::event::{Body, Event};
use uuid::Uuid;

/// Print the final event of an import, taken from the Dialer's queue; earlier events are taken off the queue too
#[derive(Debug, Parser)]
struct Args {
    /// URL of the broker, with the Dialer's user
    #[arg(long, env = "DIALER_AMQP_URL", value_name = "URL", hide_env_values = true)]
    dialer_amqp_url: String,
    /// Name of the queue
    #[arg(long, default_value = "dialer.import-events")]
    queue: String,
    /// The import
    #[arg(long, value_name = "UUID")]
    import_id: Uuid,
    /// Print the event's data only
    #[arg(long)]
    data: bool,
    /// Seconds to wait for the event
    #[arg(long, default_value_t = 60)]
    timeout: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let listening = listen(&args);
    let event = tokio::time::timeout(Duration::from_secs(args.timeout), listening)
        .await
        .with_context(|| {
            format!(
                "no final event of import {} within {} s",
                args.import_id, args.timeout
            )
        })??;
    let mut json = serde_json::to_value(&event)?;
    let shown = if args.data {
        json.pointer_mut("/data").context("the event has no data")?.take()
    } else {
        json
    };
    writeln!(std::io::stdout(), "{shown}")?;
    Ok(())
}

async fn listen(args: &Args) -> anyhow::Result<Event> {
    let connection = Connection::connect(&args.dialer_amqp_url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let mut events = channel
        .basic_consume(
            args.queue.as_str().into(),
            ShortString::default(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    while let Some(delivery) = events.next().await {
        let delivery = delivery?;
        let event: Event =
            serde_json::from_slice(&delivery.data).context("a message in the queue is not an event")?;
        delivery.ack(BasicAckOptions::default()).await?;
        if event.subject == args.import_id.to_string() && !matches!(event.body, Body::Progress(_)) {
            return Ok(event);
        }
    }
    anyhow::bail!("the broker ended the subscription")
}
