//! The console as a process, and a client of its API that checks every answer against the description.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use worker::{console::Keys, db::BearerRole};

use crate::{World, eventually};

/// A key of 32 bytes, and another.
const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OTHER_SECRET: &str = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A running `user-import console`; killed when dropped.
#[derive(Debug)]
pub struct Console {
    child: Child,
    address: String,
    description: Value,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Head of the answer, its names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body of the answer.
    pub body: Vec<u8>,
}

/// An open stream of an import's progress; closed when dropped.
#[derive(Debug)]
pub struct Stream {
    connection: TcpStream,
    read: Vec<u8>,
}

/// How long a stream may be silent before a test gives up.
const STREAM_PATIENCE: Duration = Duration::from_secs(60);

impl Stream {
    /// Reads until this text has come; all that was read so far.
    pub async fn until(&mut self, text: &str) -> String {
        loop {
            let read = String::from_utf8_lossy(&self.read).into_owned();
            if read.contains(text) {
                return read;
            }
            assert!(self.more().await, "{text:?} did not come: {read}");
        }
    }

    /// Reads until the console ends it.
    pub async fn ended(mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Whether anything more came.
    async fn more(&mut self) -> bool {
        let read = self.connection.read_buf(&mut self.read);
        let read = tokio::time::timeout(STREAM_PATIENCE, read).await;
        read.expect("the stream goes on or ends")
            .expect("the stream is read")
            > 0
    }
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The cookie that the answer sets, as it is to be sent back.
    pub fn cookie(&self) -> &str {
        let cookie = self.header("set-cookie").expect("a cookie");
        cookie.split(';').next().expect("a value")
    }
}

impl Console {
    /// Starts a console in the world.
    pub async fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        let path = world
            .scratch()
            .join(format!("console-{}.log", uuid::Uuid::new_v4()));
        let log = std::fs::File::create(&path).expect("the log");
        let database = world.console_database_url();
        let child = world
            .command()
            .arg("console")
            .env("DATABASE_URL", database)
            .env("CONSOLE_ADDRESS", "127.0.0.1:0")
            .env("CONSOLE_KEYS", format!("test:hs256:{SECRET}"))
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the console starts");
        let address = eventually("the address of the console", async || {
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let line = log.lines().find(|line| line.contains("serving the console"))?;
            let port: String = line
                .rsplit_once("127.0.0.1:")?
                .1
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            Some(format!("127.0.0.1:{port}"))
        })
        .await;
        let mut console = Self {
            child,
            address,
            description: Value::Null,
        };
        console.description = console.send("GET", "/api/openapi.json", &[], b"").await.json();
        console
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The OpenAPI description.
    pub fn description(&self) -> &Value {
        &self.description
    }

    /// A token by the console's own key.
    pub fn token(&self, subject: &str, role: BearerRole) -> String {
        signed("test", SECRET, subject, role, 60)
    }

    /// A token that has expired.
    pub fn expired_token(&self, role: BearerRole) -> String {
        signed("test", SECRET, "late@example.com", role, -60)
    }

    /// A token by another key of the same ID.
    pub fn forged_token(&self, role: BearerRole) -> String {
        signed("test", OTHER_SECRET, "mallory@example.com", role, 60)
    }

    /// Opens the stream of an import's progress, for whoever this header identifies.
    pub async fn follow(&self, path: &str, (name, value): (&str, &str)) -> Stream {
        let mut connection = TcpStream::connect(&self.address).await.expect("a connection");
        let request = format!(
            "GET {path} HTTP/1.0\r\nhost: {}\r\n{name}: {value}\r\n\r\n",
            self.address
        );
        connection
            .write_all(request.as_bytes())
            .await
            .expect("the request is sent");
        let mut stream = Stream {
            connection,
            read: Vec::new(),
        };
        let begin = stream.until("\r\n").await;
        assert!(begin.starts_with("HTTP/1.0 200"), "{begin}");
        stream
    }

    /// A request with a token.
    pub async fn as_bearer(&self, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &headers, body.as_bytes()).await
    }

    /// Sends a file.
    pub async fn upload(&self, token: &str, name: &str, content: &[u8]) -> Reply {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "text/csv"),
        ];
        self.send("POST", &format!("/api/uploads?name={name}"), &headers, content)
            .await
    }

    /// A request as it is. The answer is read to its end, and if it is JSON, checked against the description.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let reply = self
            .exchange(method, path, headers, body)
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        self.assert_described(method, path, &reply);
        reply
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Reply> {
        let mut connection = TcpStream::connect(&self.address).await?;
        // Version 1.0: the answer ends with the connection, and is not chunked.
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        connection.write_all(head.as_bytes()).await?;
        // A console that refuses does not read to the end.
        let _ = connection.write_all(body).await;
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        Ok(Reply {
            status: status.ok_or(std::io::ErrorKind::InvalidData)?,
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: answer[end + 4..].to_vec(),
        })
    }

    /// All operations of the description: method and path.
    pub fn operations(&self) -> Vec<(String, String)> {
        let paths = self.description["paths"].as_object().expect("paths");
        paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = item.as_object().expect("an item").keys();
                let methods = methods.filter(|key| *key != "parameters");
                methods.map(move |method| (method.to_uppercase(), path.clone()))
            })
            .collect()
    }

    fn assert_described(&self, method: &str, path: &str, reply: &Reply) {
        let is_json = reply
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        let path = path.split('?').next().unwrap_or(path);
        if !is_json || !path.starts_with("/api/") || path.ends_with("openapi.json") {
            return;
        }
        let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let matches = |template: &str| {
            let (own, given) = (parts(template), parts(path));
            own.len() == given.len()
                && own
                    .iter()
                    .zip(&given)
                    .all(|(own, given)| own.starts_with('{') || own == given)
        };
        let paths = self.description["paths"].as_object().expect("paths");
        let Some((_, item)) = paths.iter().find(|(template, _)| matches(template)) else {
            assert_eq!(reply.status, 404, "{method} {path} is not described");
            return;
        };
        let operation = &item[method.to_lowercase()];
        if operation.is_null() {
            assert_eq!(reply.status, 405, "{method} {path} is not described");
            return;
        }
        let responses = &operation["responses"];
        let response = responses
            .get(reply.status.to_string())
            .unwrap_or(&responses["default"]);
        let schema = &response["content"]["application/json"]["schema"];
        assert!(
            !schema.is_null(),
            "{method} {path}: {} is not described",
            reply.status
        );
        let schema = json!({ "components": self.description["components"], "allOf": [schema] });
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        if let Err(error) = validator.validate(&reply.json()) {
            panic!("{method} {path}: {error}\n{}", reply.text());
        }
    }
}

fn signed(key_id: &str, secret: &str, subject: &str, role: BearerRole, minutes: i64) -> String {
    let keys = format!("{key_id}:hs256:{secret}").parse().expect("any text");
    Keys::read(&keys)
        .expect("a key")
        .sign(
            subject,
            role,
            time::Duration::minutes(minutes),
            time::OffsetDateTime::now_utc(),
        )
        .expect("a token")
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
