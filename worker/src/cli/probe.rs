//! `user-import probe`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Time limit of the whole request. Answering it needs no server and no waiting.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer that is read: the pages have one line.
const MAX_ANSWER_BYTES: u64 = 4096;

/// Options of `probe`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For containers whose engine runs a command to check health and whose image has no shell. Kubernetes
asks the worker itself.

Exit codes: 0 yes; 1 no, or no answer.")]
pub(super) struct Args {
    /// Where the worker serves /livez and /readyz: the same value as the worker's
    #[arg(long, env = "HTTP_ADDRESS", value_name = "ADDRESS:PORT")]
    http_address: SocketAddr,
    /// Ask whether it takes messages (/readyz), not only whether it is alive (/livez)
    #[arg(long)]
    ready: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let address = reachable(args.http_address);
    let page = if args.ready { "/readyz" } else { "/livez" };
    let answer = tokio::time::timeout(TIMEOUT, ask(address, page))
        .await
        .with_context(|| format!("no answer from {address} within {} s", TIMEOUT.as_secs()))?
        .with_context(|| format!("cannot ask {address}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    // Source: RFC 9112, section 4: HTTP-version SP status-code SP reason.
    if head.split(' ').nth(1) == Some("200") {
        Ok(ExitCode::SUCCESS)
    } else {
        bail!(
            "{address}{page} answers {}: {}",
            head.lines().next().unwrap_or_default(),
            body.trim()
        );
    }
}

/// One request to a server of our own, which closes the connection after its answer.
async fn ask(address: SocketAddr, page: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!("GET {page} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A server that listens on all addresses is reached at the loopback address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
