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
People sign in with a token: a JWT that the Dialer's backend signs with one of CONSOLE_KEYS, in the fragment of the URL,
as in https://import.example.com/sign-in#token=…; user-import token makes one. Claims: sub (who), exp (12 hours ahead
at most), iat, and either tenant_id (an administrator of that tenant) or role: \"operator\" with access: \"read\" or
\"act\"; the header has the key's ID as kid. GET /api/openapi.json describes the API.

The user in DATABASE_URL is a member of the role user_import_console. AMQP_URL is the same as for workers. Run as many
consoles as you like.")]
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
    let stop = stop_on_signal("stopping: finishing requests in progress")?;
    args.broker.check()?;
    let options = args.console;
    let keys = Keys::read(&options.keys)
        .map_err(|error| Misconfigured(format!("CONSOLE_KEYS cannot be used: {error}")))?;
    let listener = TcpListener::bind(options.address)
        .await
        .with_context(|| format!("cannot listen on CONSOLE_ADDRESS {}", options.address))?;
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
