//! Plays the Dialer's listener: takes events from the Dialer's queue until the final one of an import, and prints it.

use std::{io::Write, time::Duration};

use anyhow::Context;
use clap::Parser;
use kit::dialer::{Subscription, is_answer_to};
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
    let import_id = args.import_id.to_string();
    let listening = async {
        let mut subscription = Subscription::open(&args.dialer_amqp_url, &args.queue).await?;
        loop {
            let event = subscription.next().await?.map_err(anyhow::Error::msg)?;
            if is_answer_to(&event, &import_id) {
                return anyhow::Ok(event);
            }
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(args.timeout), listening).await;
    let event = heard
        .with_context(|| format!("no final event of import {import_id} within {} s", args.timeout))??;
    let shown = if args.data {
        event.get("data").context("the event has no data")?
    } else {
        &event
    };
    writeln!(std::io::stdout(), "{shown}")?;
    Ok(())
}
