//! `user-import work`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::{
    options::{HashingArgs, LimitArgs, Misconfigured, seal_keys},
    stop::stop_on_signal,
};
use crate::{
    broker,
    db::{self, Db},
    engine,
    policy::QUIET_TIME,
    secret::Secret,
    steps::Context,
    storage::{self, Storage},
    telemetry::{
        health::Health,
        metrics::Metrics,
        server::{self, Pages},
        traces::Traces,
    },
    words::whole_number,
};

/// Options of `work`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keys that seal password seeds, as ID:KEY[,ID:KEY…] with KEY as base64 of 32 bytes; the first one seals, all of
    /// them open
    #[arg(long, env = "SEAL_KEYS", value_name = "KEYS", hide_env_values = true)]
    seal_keys: Secret,
    /// Pending rows in one message
    #[arg(long, env = "BATCH_ROWS", value_name = "N", default_value_t = 50, value_parser = whole_number(1_u16..=500))]
    batch_rows: u16,
    /// Days after which a temporary password expires if it was not changed
    #[arg(long, env = "PASSWORD_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = whole_number(1_u16..=3650))]
    password_days: u16,
    /// Seconds that a worker has to finish its work after it is told to stop
    #[arg(long, env = "GRACE_SECONDS", value_name = "SECONDS", default_value_t = 30)]
    grace_seconds: u64,
    /// Seconds without progress after which the messages of an import are looked for. Workers then have as long again
    /// for what they hold before the import is resumed. Must be longer than a worker takes for two batches of each
    /// shard [default: 60]
    #[arg(long, env = "RESCUE_SECONDS", value_name = "SECONDS", value_parser = whole_number(1_u64..=86400))]
    rescue_seconds: Option<u64>,
    /// The former name of RESCUE_SECONDS
    #[arg(long, env = "SWEEP_SECONDS", value_name = "SECONDS", hide = true, value_parser = whole_number(1_u64..=86400))]
    sweep_seconds: Option<u64>,
    /// Days after which the password seed of a failed import is destroyed. Until then, a replay delivers the passwords
    /// of the users that it had created; afterwards, they need new ones
    #[arg(long, env = "SEED_DAYS", value_name = "DAYS", default_value_t = 7)]
    seed_days: u16,
    /// Address of /metrics, /livez and /readyz, such as 0.0.0.0:9100; without it they are not served. For monitoring,
    /// not for the public
    #[arg(long, env = "HTTP_ADDRESS", value_name = "ADDRESS:PORT")]
    http_address: Option<SocketAddr>,
    // Each of these begins a heading of the help, which would cover all options after it.
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    broker: broker::Options,
    #[command(flatten)]
    storage: storage::Options,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    hashing: HashingArgs,
}

pub(super) async fn run(args: Args, name: &str) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal("stopping: finishing work in progress")?;
    // An error that never goes away ends the worker here; later, it would be retried like an unavailable server.
    args.broker.check()?;
    let traces = Traces::start(name).map_err(|error| Misconfigured(error.to_string()))?;
    let context = Context {
        db: Db::new(&args.database)?,
        storage: Storage::new(&args.storage)?,
        hasher: Arc::new(args.hashing.start()?),
        seals: seal_keys(&args.seal_keys)?,
        shards: args.broker.amqp_shards,
        limits: args.limits.limits(),
        batch_rows: usize::from(args.batch_rows),
        password_days: args.password_days,
        metrics: Metrics::new(name)?,
    };
    let health = Health::default();
    if let Some(address) = args.http_address {
        serve(address, &context, health.clone()).await?;
    }
    let options = engine::Options {
        name: name.to_owned(),
        broker: args.broker,
        health,
        grace: Duration::from_secs(args.grace_seconds),
        rescue: engine::RescueOptions {
            quiet: args
                .rescue_seconds
                .or(args.sweep_seconds)
                .map_or(QUIET_TIME, Duration::from_secs),
            seeds_kept: Duration::from_hours(24 * u64::from(args.seed_days)),
        },
    };
    engine::work(Arc::new(context), &options, &stop).await;
    traces.finish().await;
    Ok(ExitCode::SUCCESS)
}

/// Serves metrics and probes until the process ends: a worker that is stopping can still be observed.
async fn serve(address: SocketAddr, context: &Context, health: Health) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on HTTP_ADDRESS {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving /metrics, /livez and /readyz");
    let pages = Pages::new(
        context.metrics.clone(),
        health,
        context.db.clone(),
        Arc::clone(&context.hasher),
    );
    tokio::spawn(server::serve(listener, pages));
    Ok(())
}
