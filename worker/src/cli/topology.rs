//! `user-import topology`.

use std::process::ExitCode;

use crate::broker;

/// Options of `topology`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Close the route that work took in releases without the exchange imports.work, so that nobody but workers can
    /// publish work. Only when no worker of such a release is running any more; waits for messages in the old delay
    /// queues, at most ten minutes
    #[arg(long)]
    retire_old: bool,
    #[command(flatten)]
    broker: broker::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    broker::declare(&args.broker).await?;
    tracing::info!("exchanges and queues are declared");
    if args.retire_old {
        match broker::close_old_way(&args.broker).await? {
            true => tracing::info!("the old route is closed: only workers can publish work"),
            false => tracing::info!("the old route was already closed"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
