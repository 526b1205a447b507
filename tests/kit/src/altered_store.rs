//! An S3 store that answers as other stores do, or as a failing one: an HTTP proxy that changes the answers of the
//! local store.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::authority;

/// What the store answers: the lines of the head, without the empty one, and the body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status line and headers.
    pub head: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer with this status line and body, and nothing else.
    pub fn plain(status: &str, body: &str) -> Self {
        Self {
            head: vec![
                format!("HTTP/1.1 {status}"),
                format!("content-length: {}", body.len()),
            ],
            body: body.into(),
        }
    }

    /// Leaves a header out.
    pub fn without(mut self, name: &str) -> Self {
        let start = format!("{name}:");
        self.head
            .retain(|line| !line.to_ascii_lowercase().starts_with(&start));
        self
    }
}

/// A running proxy; ends with the test.
#[derive(Debug)]
pub struct AlteredStore {
    address: SocketAddr,
}

impl AlteredStore {
    /// Passes each request on, and its answer through this function, which also gets the request's first line.
    pub async fn before(
        endpoint: &str,
        alter: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (server, alter) = (authority(endpoint).to_owned(), Arc::new(alter));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, alter) = (server.clone(), Arc::clone(&alter));
                // A client that hangs up has its reasons.
                tokio::spawn(async move { drop(serve(client, &server, &*alter).await) });
            }
        });
        Self { address }
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(
    mut client: TcpStream,
    server: &str,
    alter: &(dyn Fn(&str, Answer) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let (head, body) = message(&mut BufReader::new(&mut client)).await?;
    let mut server = TcpStream::connect(server).await?;
    // Closed after one answer, so that its end is seen.
    let request = [head.as_slice(), ["connection: close".to_owned()].as_slice()].concat();
    server.write_all(&bytes(&request, &body)).await?;
    let (answer, body) = message(&mut BufReader::new(&mut server)).await?;
    let first = head.first().cloned().unwrap_or_default();
    let answer = Answer { head: answer, body }.without("connection");
    let mut answer = alter(&first, answer);
    answer.head.push("connection: close".to_owned());
    client.write_all(&bytes(&answer.head, &answer.body)).await?;
    client.shutdown().await
}

/// A request or an answer. An answer to HEAD has a length and no body: then the server's end is the end.
async fn message(from: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line).await?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line: &String| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<u64>().ok())?
    });
    let mut body = Vec::new();
    let is_answer = head.first().is_some_and(|line| line.starts_with("HTTP/"));
    let limit = length.unwrap_or(if is_answer { u64::MAX } else { 0 });
    from.take(limit).read_to_end(&mut body).await?;
    Ok((head, body))
}

fn bytes(head: &[String], body: &[u8]) -> Vec<u8> {
    [format!("{}\r\n\r\n", head.join("\r\n")).as_bytes(), body].concat()
}
