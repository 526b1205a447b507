//! Asks a worker for its metrics and probes, as Prometheus and Kubernetes do.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{World, eventually};

/// What a worker of this world that has `HTTP_ADDRESS` answers.
#[derive(Debug, Clone)]
pub struct Watched {
    address: String,
}

impl Watched {
    /// Variables of a worker that takes a free port, which is named in its log.
    pub const ANYWHERE: (&str, &str) = ("HTTP_ADDRESS", "127.0.0.1:0");

    /// Waits until a worker listens: of several, the one that began to last.
    pub async fn of(world: &World) -> Self {
        eventually("the address of metrics and probes", async || {
            let log = world.logged();
            let line = log.lines().rfind(|line| line.contains("serving /metrics"))?;
            let port: String = line
                .rsplit_once("127.0.0.1:")?
                .1
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            Some(Self {
                address: format!("127.0.0.1:{port}"),
            })
        })
        .await
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Status and body of an answer, or `None` if there was none.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut connection = TcpStream::connect(&self.address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        connection.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }

    /// Status of a probe.
    pub async fn probe(&self, path: &str) -> Option<u16> {
        self.get(path).await.map(|(status, _)| status)
    }

    /// All metrics, as a scrape gives them.
    pub async fn scrape(&self) -> String {
        let (status, text) = self.get("/metrics").await.expect("an answer");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// The value of one series, such as `user_import_rows_total{outcome="created"}`; `None` if there is none.
    pub async fn value(&self, series: &str) -> Option<f64> {
        let text = self.scrape().await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map(|value| value.parse().expect("a number"))
    }

    /// Waits until a series has a value.
    pub async fn becomes(&self, series: &str, value: f64) {
        eventually(&format!("{series} {value}"), async || {
            (self.value(series).await == Some(value)).then_some(())
        })
        .await;
    }
}
