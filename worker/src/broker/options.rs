//! Where the broker is, and what its exchanges and queues are called.

use lapin::uri::{AMQPScheme, AMQPUri};

use super::{
    error::Error,
    topology::{DEFAULT_SHARDS, MAX_SHARDS, Topology},
};
use crate::{
    secret::Secret,
    tls::{Authorities, is_this_machine},
    words::whole_number,
};

/// Where the broker is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub struct Options {
    /// URL of the broker, with user, password and virtual host; amqps://… for TLS
    #[arg(long, env = "AMQP_URL", value_name = "URL", hide_env_values = true)]
    pub amqp_url: Secret,
    /// File with certificate authorities for the broker's certificate, trusted in addition to the system's
    #[arg(long, env = "AMQP_CA_FILE", value_name = "FILE")]
    pub amqp_ca_file: Option<Authorities>,
    /// Prefix of the names of all exchanges and queues, so that several installations can share a virtual host
    #[arg(long, env = "AMQP_PREFIX", value_name = "TEXT", default_value = "", value_parser = prefix)]
    pub amqp_prefix: String,
    /// Number of shard queues for plans, and of those for batches; the same for all workers
    #[arg(long, env = "AMQP_SHARDS", value_name = "N", default_value_t = DEFAULT_SHARDS, value_parser = whole_number(1..=MAX_SHARDS))]
    pub amqp_shards: u16,
}

impl Options {
    /// Names of exchanges and queues.
    pub fn topology(&self) -> Topology {
        Topology::new(self.amqp_prefix.clone(), self.amqp_shards)
    }

    /// Refuses a URL that cannot be read: waiting would not help.
    pub fn check(&self) -> Result<(), Error> {
        self.uri().map(|_| ())
    }

    /// The virtual host that the URL names.
    pub fn vhost(&self) -> Result<String, Error> {
        Ok(self.uri()?.vhost)
    }

    /// The broker's host, if it is another machine and what goes there is sent as plain text.
    pub fn plain_text_host(&self) -> Option<String> {
        let uri = self.uri().ok()?;
        let host = Some(uri.authority.host).filter(|host| !is_this_machine(host))?;
        (uri.scheme == AMQPScheme::AMQP).then_some(host)
    }

    pub(super) fn uri(&self) -> Result<AMQPUri, Error> {
        self.amqp_url.expose().parse().map_err(|_| Error::Url)
    }
}

/// A prefix with which all names are valid: AMQP's short strings have at most 255 bytes, and names that begin with
/// `amq.` belong to the broker.
fn prefix(text: &str) -> Result<String, String> {
    let (exchanges, queues) = Topology::new(String::new(), 1).names();
    let longest = exchanges
        .iter()
        .chain(&queues)
        .map(|name| name.as_str().len())
        .max();
    let most = usize::from(u8::MAX) - longest.unwrap_or(0);
    if text.len() > most {
        Err(format!("it has {} bytes, {most} are allowed", text.len()))
    } else if text.starts_with("amq.") {
        Err("names that begin with amq. belong to the broker".to_owned())
    } else {
        Ok(text.to_owned())
    }
}
