//! The S3 server of local runs and tests, built on `s3s-fs`: buckets are folders, objects are files.
//!
//! It is given the folder, the address, and the one pair of keys that may use it. It serves S3's interface over plain
//! HTTP in path style, until SIGTERM or SIGINT. It is fit for a developer's machine only: one user, no encryption, and
//! an object and its `ETag` are written in two steps.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that are under way may take after SIGTERM; less than the patience of `deploy/local/down`.
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// A pause after a failed `accept` (too many open files, say), which would otherwise be retried in a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves one folder as an S3 store on one address.
#[derive(Parser)]
#[command(name = "local-s3", version)]
struct Options {
    /// The folder whose subfolders are the buckets; must exist
    #[arg(long, value_name = "DIR")]
    root: PathBuf,

    /// The address to listen on
    #[arg(long, value_name = "IP:PORT")]
    listen: SocketAddr,

    /// The access key that requests must be signed with
    #[arg(long, env = "LOCAL_S3_ACCESS_KEY", hide_env_values = true)]
    access_key: String,

    /// Its secret; give it in the environment, because every user can read the arguments of a process
    #[arg(long, env = "LOCAL_S3_SECRET_KEY", hide_env_values = true)]
    secret_key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let store = store(&options.root, &options.access_key, &options.secret_key)?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}", options.listen))?;
    serve(listener, store, stop_requested()?).await;
    Ok(())
}

/// The S3 service over the files under `root`; a request without the right signature is refused.
fn store(root: &Path, access_key: &str, secret_key: &str) -> anyhow::Result<S3Service> {
    let files = FileSystem::new(root)
        // Its error is not a `std::error::Error`.
        .map_err(|error| anyhow::anyhow!("{error:?}"))
        .with_context(|| format!("cannot use the folder {}", root.display()))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single(access_key, secret_key));
    Ok(service.build())
}

/// Is ready once the process is asked to end. The handlers are in place when this returns: no signal is lost.
fn stop_requested() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot handle SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Serves connections until `stop` is ready, then lets the open ones finish their request.
async fn serve(listener: TcpListener, store: S3Service, stop: impl Future<Output = ()>) {
    let http = auto::Builder::new(TokioExecutor::new());
    let open = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let Ok((socket, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let connection = http
            .serve_connection(TokioIo::new(socket), store.clone())
            .into_owned();
        let connection = open.watch(connection);
        // A connection that breaks is the client's affair, and the client notices it.
        tokio::spawn(async move { drop(connection.await) });
    }
    drop(listener);
    // After the deadline the process ends with connections open: a client that hangs must not keep it alive.
    drop(tokio::time::timeout(DRAIN_DEADLINE, open.shutdown()).await);
}
