//! The server's version: it is in the properties of a server's greeting, which lapin does not pass on.

use futures::{AsyncReadExt, AsyncWriteExt};
use lapin::tcp::AMQPUriTcpExt;

use super::{connection::tls, options::Options};

/// What a client sends first on an AMQP 0-9-1 connection.
const PROTOCOL_HEADER: &[u8] = b"AMQP\0\0\x09\x01";

/// Far more than a server's greeting has.
const MAX_GREETING_BYTES: u64 = 64 * 1024;

/// The version, if the server can be reached and says it.
pub(super) async fn version(options: &Options) -> Option<String> {
    let runtime = lapin::runtime::default_runtime().ok()?;
    let config = tls(options);
    let mut stream = options
        .uri()
        .ok()?
        .connect_with_config_async(config.as_ref(), &runtime)
        .await
        .ok()?;
    stream.write_all(PROTOCOL_HEADER).await.ok()?;
    // A frame: type, channel, size, payload.
    let mut header = [0; 7];
    stream.read_exact(&mut header).await.ok()?;
    let [_, _, _, size @ ..] = header;
    let mut greeting = Vec::new();
    let size = u64::from(u32::from_be_bytes(size)).min(MAX_GREETING_BYTES);
    stream.take(size).read_to_end(&mut greeting).await.ok()?;
    version_in(&greeting)
}

/// The long string `version` of a table.
fn version_in(table: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\x07versionS";
    let at = table.windows(NAME.len()).position(|window| window == NAME)?;
    let (size, rest) = table.get(at + NAME.len()..)?.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_be_bytes(*size)).ok()?)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_tells_the_version_or_nothing() {
        let greeting = b"\x07productS\0\0\0\x08RabbitMQ\x07versionS\0\0\0\x054.3.6\x08platformS";
        assert_eq!(version_in(greeting).as_deref(), Some("4.3.6"));
        let after = b"\x08platformS".len();
        for end in 0..greeting.len() - after {
            assert_eq!(version_in(&greeting[..end]), None, "{end}");
        }
    }
}
