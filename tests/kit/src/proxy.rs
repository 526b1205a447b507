//! A TCP proxy that injects faults between a worker and a server.
//!
//! Own code, because the existing ones (noxious, toxiproxy) are server programs with interfaces of their own, and
//! cannot answer in HTTP as a failing store does.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What the proxy does with connections, those that are open included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it passes everything on.
    None,
    /// Passes everything on, each piece this much later.
    Delay(Duration),
    /// Keeps connections open and passes nothing on, as a broken network does.
    Silence,
    /// Closes connections, and each new one at once.
    Cut,
    /// Closes connections, and answers on new ones with this HTTP status, whatever is asked.
    Answer(u16),
}

/// A running proxy; ends with the test.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    most_idle: watch::Sender<Duration>,
}

impl Proxy {
    /// Listens on a free port for connections to the server at this host and port.
    pub async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (fault, faults) = watch::channel(Fault::None);
        let (most_idle, idle) = watch::channel(Duration::MAX);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, server.clone(), faults.clone(), idle.clone()));
            }
        });
        Self {
            address,
            fault,
            most_idle,
        }
    }

    /// Listens for connections to the server that a URL names.
    pub async fn before(url: &str) -> Self {
        Self::start(authority(url).to_owned()).await
    }

    /// The URL with the proxy in the server's place.
    pub fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }

    /// From now on silently passes nothing on over a connection that was idle for longer than this, as a load balancer
    /// does.
    pub fn forget_idle(&self, most: Duration) {
        self.most_idle.send_replace(most);
    }

    /// From now on does this with connections.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

/// The ways of a worker to its three servers, each through a proxy.
#[derive(Debug)]
pub struct Ways {
    /// To PostgreSQL.
    pub database: Proxy,
    /// To RabbitMQ.
    pub broker: Proxy,
    /// To object storage.
    pub storage: Proxy,
    variables: [(&'static str, String); 3],
}

impl Ways {
    /// Starts proxies before the servers whose URLs these variables hold.
    pub async fn before(variable: impl Fn(&str) -> String) -> Self {
        let names = ["DATABASE_URL", "AMQP_URL", "S3_ENDPOINT"];
        let urls = names.map(&variable);
        let [database, broker, storage] = [0, 1, 2].map(|way| Proxy::before(&urls[way]));
        let (database, broker, storage) = tokio::join!(database, broker, storage);
        let through = [&database, &broker, &storage];
        let variables = [0, 1, 2].map(|way| (names[way], through[way].url(&urls[way])));
        Self {
            database,
            broker,
            storage,
            variables,
        }
    }

    /// The variables with which a worker takes these ways.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, url)| (*name, url.as_str()))
    }

    /// From now on does this with the connections to all servers.
    pub fn set(&self, fault: Fault) {
        for proxy in [&self.database, &self.broker, &self.storage] {
            proxy.set(fault);
        }
    }
}

/// Host and port of a URL.
pub fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    rest.rsplit_once('@').map_or(rest, |(_, server)| server)
}

async fn serve(
    client: TcpStream,
    server: String,
    mut faults: watch::Receiver<Fault>,
    most_idle: watch::Receiver<Duration>,
) {
    let fault = *faults.borrow_and_update();
    match fault {
        Fault::Cut => return,
        Fault::Answer(status) => return answer(client, status).await,
        Fault::None | Fault::Delay(_) | Fault::Silence => {}
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let traffic = Traffic {
        last: Arc::new(Mutex::new(Instant::now())),
        most_idle,
    };
    tokio::select! {
        () = pass(from_client, to_server, faults.clone(), traffic.clone()) => {}
        () = pass(from_server, to_client, faults.clone(), traffic) => {}
        _ = faults.wait_for(|fault| matches!(fault, Fault::Cut | Fault::Answer(_))) => {}
    }
}

/// When something last passed on a connection, in either direction.
#[derive(Clone)]
struct Traffic {
    last: Arc<Mutex<Instant>>,
    most_idle: watch::Receiver<Duration>,
}

impl Traffic {
    /// Notes that something passes. Whether the connection was idle for too long before.
    fn comes_too_late(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, Instant::now()).elapsed() > *self.most_idle.borrow()
    }
}

/// Passes bytes on until either side closes.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Fault>,
    traffic: Traffic,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if traffic.comes_too_late() {
            std::future::pending::<()>().await;
        }
        let fault = *faults.borrow_and_update();
        if let Fault::Delay(delay) = fault {
            tokio::time::sleep(delay).await;
        }
        // The guard of the watched value must not be kept.
        let heard = faults.wait_for(|fault| *fault != Fault::Silence).await.is_ok();
        if !heard || to.write_all(&piece[..length]).await.is_err() {
            break;
        }
    }
}

async fn answer(mut client: TcpStream, status: u16) {
    let head = format!("HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // The request is read too: bytes that nobody reads would make the system throw the answer away.
    let mut piece = vec![0; 16 * 1024];
    let _ = client.read(&mut piece).await;
    let _ = client.write_all(head.as_bytes()).await;
    let _ = client.shutdown().await;
    let drained = async { while let Ok(1..) = client.read(&mut piece).await {} };
    let _ = tokio::time::timeout(Duration::from_secs(1), drained).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_url_is_what_stands_between_password_and_path() {
        assert_eq!(authority("amqp://u:p@127.0.0.1:5672/v"), "127.0.0.1:5672");
        assert_eq!(authority("http://127.0.0.1:9000"), "127.0.0.1:9000");
    }
}
