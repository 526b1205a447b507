//! What is configured for the console alone.

use std::{net::SocketAddr, str::FromStr};

use crate::{secret::Secret, words::whole_number};

/// Options of the console.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Console")]
pub struct Options {
    /// Address to listen on, such as 127.0.0.1:8080; except on loopback, put a proxy with TLS in front of it
    #[arg(
        long = "address",
        env = "CONSOLE_ADDRESS",
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub address: SocketAddr,
    /// Keys that sign tokens, as ID:hs256:SECRET or ID:eddsa:PUBLIC-KEY, both in base64, separated by commas. Several
    /// are possible, so that they can be rotated; removing a key ends its tokens and sessions
    #[arg(
        long = "keys",
        env = "CONSOLE_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    pub keys: Secret,
    /// Sites that may show the console in a frame, separated by blanks, such as `https://dialer.example.com`; none by
    /// default
    #[arg(
        long = "frame-ancestors",
        env = "CONSOLE_FRAME_ANCESTORS",
        value_name = "ORIGINS",
        default_value = ""
    )]
    pub framing: Framing,
    /// Maximum number of concurrent uploads of a tenant; others wait
    #[arg(long = "uploads-per-tenant", env = "CONSOLE_UPLOADS_PER_TENANT", value_name = "N", default_value_t = 8, value_parser = whole_number(1_u16..=u16::MAX))]
    pub uploads_per_tenant: u16,
    /// Maximum number of progress streams that a tenant may have open
    #[arg(long = "streams-per-tenant", env = "CONSOLE_STREAMS_PER_TENANT", value_name = "N", default_value_t = 256, value_parser = whole_number(1_u16..=u16::MAX))]
    pub streams_per_tenant: u16,
    /// Maximum number of concurrent connections; others wait
    #[arg(long = "connections", env = "CONSOLE_CONNECTIONS", value_name = "N", default_value_t = 1024, value_parser = whole_number(1_u16..=u16::MAX))]
    pub connections: u16,
}

/// Who may show the console in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// Nobody.
    Nowhere,
    /// These origins, as a Content-Security-Policy lists them.
    By(String),
}

impl FromStr for Framing {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let origins: Vec<&str> = text.split_whitespace().collect();
        if origins.is_empty() {
            return Ok(Self::Nowhere);
        }
        for origin in &origins {
            let is_origin = url::Url::parse(origin).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.origin().ascii_serialization() == origin.to_ascii_lowercase()
            });
            if !is_origin {
                return Err(InvalidOrigin((*origin).to_owned()));
            }
        }
        Ok(Self::By(origins.join(" ")))
    }
}

/// Text that is not an origin.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an origin such as https://dialer.example.com")]
pub struct InvalidOrigin(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_may_frame() {
        let by = |text: &str| Ok(Framing::By(text.to_owned()));
        for (text, expected) in [
            ("", Ok(Framing::Nowhere)),
            (
                "https://a.example  https://b.example:8443",
                by("https://a.example https://b.example:8443"),
            ),
            ("https://a.example/path", Err(())),
            ("*", Err(())),
            ("'self'; script-src *", Err(())),
        ] {
            assert_eq!(text.parse::<Framing>().map_err(|_| ()), expected, "{text:?}");
        }
    }
}
