//! One connection to the broker.

use std::time::Duration;

use lapin::{Connection, ConnectionProperties, tcp::OwnedTLSConfig};

use super::{error::Error, options::Options};

/// Time for TCP, TLS and AMQP handshakes and for all declarations; lapin's own time-out does not cover them.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that has been silent for twice this long is dead. In seconds; the broker's own default is 60. Source:
/// RabbitMQ's guide to heartbeats, which reports no false alarms from 5 s upwards.
const HEARTBEAT_SECONDS: u16 = 5;

pub(super) async fn connect(options: &Options, name: &str) -> Result<Connection, Error> {
    let mut uri = options.uri()?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let runtime = lapin::runtime::default_runtime()?;
    Ok(Connection::connect_uri_with_config(uri, properties, tls(options), runtime).await?)
}

/// How the server's certificate is checked.
pub(super) fn tls(options: &Options) -> OwnedTLSConfig {
    OwnedTLSConfig {
        identity: None,
        cert_chain: options
            .amqp_ca_file
            .as_ref()
            .map(|authorities| authorities.pem().to_owned()),
    }
}

pub(super) async fn within<T>(
    limit: Duration,
    action: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(Error::Timeout {
            action,
            seconds: limit.as_secs(),
        }))
}
