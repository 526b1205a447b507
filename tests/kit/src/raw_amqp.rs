//! A publisher that sends whatever bytes it is given: AMQP 0-9-1 by hand, because client libraries write only what is valid.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::variable;

/// Largest frame that RabbitMQ takes unless configured, and what a frame has besides its payload.
pub const FRAME_MAX: usize = 131_072;
const FRAME_OVERHEAD: usize = 8;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// The properties of a message as they go over the wire: which there are, and their bytes.
#[derive(Debug, Clone, Default)]
pub struct RawProperties {
    /// One bit for each that is there, the highest for the first.
    pub flags: u16,
    /// Their values, one after the other.
    pub bytes: Vec<u8>,
}

impl RawProperties {
    /// Nothing but a header table with these entries.
    pub fn headers(entries: &[u8]) -> Self {
        Self::one(2, long(entries))
    }

    /// Nothing but this property; 0 is the content type.
    pub fn one(property: u32, bytes: Vec<u8>) -> Self {
        Self {
            flags: 0x8000 >> property,
            bytes,
        }
    }
}

/// A short string: a byte for its length.
pub fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("a short string has 255 bytes at most");
    [&[length], bytes].concat()
}

/// Whatever has four bytes for its length: a long string, a table, an array.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a frame is not that long");
    [&length.to_be_bytes(), bytes].concat()
}

/// An entry of a table: its name, the letter of its type, its value.
pub fn entry(name: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [short(name), vec![kind], value.to_vec()].concat()
}

/// A channel in confirm mode on a connection of its own, as the Dialer's user.
#[derive(Debug)]
pub struct RawPublisher {
    stream: TcpStream,
}

impl RawPublisher {
    /// Connects.
    pub async fn connect() -> Self {
        let url = variable("DIALER_AMQP_URL");
        let rest = url.strip_prefix("amqp://").expect("a plain URL");
        let (user, rest) = rest.split_once('@').expect("a user");
        let (server, vhost) = rest.split_once('/').expect("a virtual host");
        let (name, password) = user.split_once(':').expect("a password");
        let mut stream = TcpStream::connect(server).await.expect("the broker");
        stream.write_all(b"AMQP\0\0\x09\x01").await.expect("written");
        let mut publisher = Self { stream };
        publisher.expect(10, 10).await;
        let plain = [b"\0", name.as_bytes(), b"\0", password.as_bytes()].concat();
        let start_ok = [long(b""), short(b"PLAIN"), long(&plain), short(b"en_US")].concat();
        publisher.call(0, 10, 11, &start_ok).await;
        publisher.expect(10, 30).await;
        let frame_max = u32::try_from(FRAME_MAX).expect("a small number");
        // No limit of channels of our own, and no heartbeats.
        let tune_ok = [&2047_u16.to_be_bytes()[..], &frame_max.to_be_bytes(), &[0, 0]].concat();
        publisher.call(0, 10, 31, &tune_ok).await;
        let open = [short(vhost.replace("%2f", "/").as_bytes()), vec![0, 0]].concat();
        publisher.call(0, 10, 40, &open).await;
        publisher.expect(10, 41).await;
        publisher.call(1, 20, 10, &[0]).await;
        publisher.expect(20, 11).await;
        publisher.call(1, 85, 10, &[0]).await;
        publisher.expect(85, 11).await;
        publisher
    }

    /// Publishes and waits until the broker has stored the message.
    ///
    /// # Errors
    ///
    /// What the broker said if it refused: it closes the channel or the connection.
    pub async fn publish(
        mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &RawProperties,
        body: &[u8],
    ) -> Result<(), String> {
        let sent = self.send(exchange, routing_key, properties, body).await;
        // What is refused while it is being sent is answered too.
        let answer = self.answer().await;
        match (answer, sent) {
            (Ok(answer), _) => answer,
            (Err(gone), _) => Err(format!("the connection is gone: {gone}")),
        }
    }

    async fn send(
        &mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &RawProperties,
        body: &[u8],
    ) -> io::Result<()> {
        // Mandatory, so that a message that no queue takes is not mistaken for one that was stored.
        let publish = [
            vec![0, 0],
            short(exchange.as_bytes()),
            short(routing_key),
            vec![1],
        ]
        .concat();
        self.try_call(1, 60, 40, &publish).await?;
        let header = [
            &60_u16.to_be_bytes()[..],
            &[0, 0],
            &(body.len() as u64).to_be_bytes(),
            &properties.flags.to_be_bytes(),
            &properties.bytes,
        ]
        .concat();
        self.frame(HEADER, 1, &header).await?;
        for chunk in body.chunks(FRAME_MAX - FRAME_OVERHEAD) {
            self.frame(BODY, 1, chunk).await?;
        }
        Ok(())
    }

    async fn answer(&mut self) -> io::Result<Result<(), String>> {
        loop {
            let (kind, payload) = self.read().await?;
            if kind != METHOD {
                continue;
            }
            let text =
                |at: usize| String::from_utf8_lossy(payload.get(at..).unwrap_or_default()).into_owned();
            return Ok(match method(&payload) {
                (60, 80) => Ok(()),
                (60, 120) => Err("not stored".to_owned()),
                (60, 50) => Err("returned: no queue takes it".to_owned()),
                (10, 50) | (20, 40) => Err(text(7)),
                other => Err(format!("unexpected answer {other:?}")),
            });
        }
    }

    async fn expect(&mut self, class: u16, id: u16) {
        let (_, payload) = self.read().await.expect("an answer");
        assert_eq!(method(&payload), (class, id), "{payload:?}");
    }

    async fn call(&mut self, channel: u16, class: u16, id: u16, arguments: &[u8]) {
        self.try_call(channel, class, id, arguments)
            .await
            .expect("written");
    }

    async fn try_call(&mut self, channel: u16, class: u16, id: u16, arguments: &[u8]) -> io::Result<()> {
        let payload = [&class.to_be_bytes()[..], &id.to_be_bytes(), arguments].concat();
        self.frame(METHOD, channel, &payload).await
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).expect("a frame is not that long");
        let start = [&[kind][..], &channel.to_be_bytes(), &length.to_be_bytes()].concat();
        self.stream.write_all(&start).await?;
        self.stream.write_all(payload).await?;
        self.stream.write_all(&[0xce]).await
    }

    async fn read(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let kind = self.stream.read_u8().await?;
        let _channel = self.stream.read_u16().await?;
        let length = self.stream.read_u32().await?;
        let mut payload = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.stream.read_exact(&mut payload).await?;
        self.stream.read_u8().await?;
        Ok((kind, payload))
    }
}

fn method(payload: &[u8]) -> (u16, u16) {
    let number = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    (number(0), number(2))
}
