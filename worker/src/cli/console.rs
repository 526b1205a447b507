//! `user-import console`.

use std::process::ExitCode;

use anyhow::Context;
use tokio::net::TcpListener;

use super::{
    options::{LimitArgs, Misconfigured},
    stop::stop_on_signal,
};
use crate::{
    broker,
    console::{self, Console, Keys},
    db::{self, Db},
    storage::{self, Storage},
};

/// Options of `console`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever opens it brings a token: a JWT that the Dialer's backend signs with one of CONSOLE_KEYS, in the fragment of the
URL, as https://import.example.com/sign-in#token=…; user-import token makes one. Claims: sub (who), exp (12 hours ahead
at most), iat, and either tenant_id (an administrator of that tenant) or role: \"operator\" with access: \"read\" or
\"act\"; the key's ID as kid in the header. GET /api/openapi.json describes the API.

DATABASE_URL names a member of the role user_import_console. AMQP_URL is a worker's. Run as many consoles as you like.")]
pub(super) struct Args {
    #[command(flatten)]
    console: console::Options,
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    broker: broker::Options,
    #[command(flatten)]
    storage: storage::Options,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal("stopping: finishing requests that are under way")?;
    args.broker.check()?;
    let options = args.console;
    let keys = Keys::read(&options.keys)
        .map_err(|error| Misconfigured(format!("CONSOLE_KEYS cannot be used: {error}")))?;
    let listener = TcpListener::bind(options.address)
        .await
        .with_context(|| format!("CONSOLE_ADDRESS {} cannot be listened on", options.address))?;
    tracing::info!(address = %listener.local_addr()?, "serving the console");
    let console = Console::new(
        Db::new(&args.database)?,
        Storage::new(&args.storage)?,
        args.broker,
        keys,
        args.limits.limits(),
        &options,
    );
    console::serve(console, listener, options.connections, stop).await;
    Ok(ExitCode::SUCCESS)
}
