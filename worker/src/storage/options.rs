//! Where the objects are, as the command line says.

use url::Url;

use super::error::Error;
use crate::{
    secret::Secret,
    tls::{Authorities, is_this_machine},
};

/// Where the objects are.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub struct Options {
    /// URL of the S3 server; https://… for TLS
    #[arg(
        long = "s3-endpoint",
        env = "S3_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub endpoint: Secret,
    /// File of the certificate authorities that sign the S3 server's certificate [default: those of the system]
    #[arg(long = "s3-ca-file", env = "S3_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<Authorities>,
    /// Region for which requests are signed
    #[arg(
        long = "s3-region",
        env = "S3_REGION",
        value_name = "NAME",
        default_value = "us-east-1"
    )]
    pub region: String,
    /// Bucket for uploads and reports
    #[arg(
        long = "s3-bucket",
        env = "S3_BUCKET",
        value_name = "NAME",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub bucket: String,
    /// Access key
    #[arg(
        long = "s3-access-key-id",
        env = "S3_ACCESS_KEY_ID",
        value_name = "ID",
        hide_env_values = true
    )]
    pub access_key_id: String,
    /// Secret key; give it in the environment, where other users of the machine cannot read it
    #[arg(
        long = "s3-secret-access-key",
        env = "S3_SECRET_ACCESS_KEY",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub secret_access_key: Secret,
}

/// A URL that requests can be sent to. The SDK checks it only then, calls it a transient failure, and shows it.
///
/// What is refused is not shown: it may contain the keys, which do not belong there. What is accepted is passed on as
/// it was understood here, because the SDK reads URLs more strictly.
pub(super) fn endpoint(text: &Secret) -> Result<String, Error> {
    let is_usable = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.port() != Some(0)
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match Url::parse(text.expose()) {
        Ok(url) if is_usable(&url) => Ok(url.as_str().trim_end_matches('/').to_owned()),
        _ => Err(Error::Endpoint),
    }
}

impl Options {
    /// The store's host, if it is another machine and what goes there is sent as plain text.
    pub fn plain_text_host(&self) -> Option<String> {
        let url = Url::parse(self.endpoint.expose()).ok()?;
        let host = url.host_str().filter(|host| !is_this_machine(host))?;
        (url.scheme() == "http").then(|| host.to_owned())
    }
}
