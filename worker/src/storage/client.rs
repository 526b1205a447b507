//! The client of one bucket.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

use super::{
    error::Error,
    options::{Options, endpoint},
};
use crate::tls::{Authorities, warn_of_plain_text};

/// One attempt of one request, connecting included. Our objects are a few MiB at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// One request with the SDK's own retries. Longer outages are left to the delays of messages.
pub(super) const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The bucket of uploads and reports.
#[derive(Debug, Clone)]
pub struct Storage {
    pub(super) client: Client,
    pub(super) bucket: String,
}

impl Storage {
    /// A client; connects when first used.
    pub fn new(options: &Options) -> Result<Self, Error> {
        if let Some(host) = options.plain_text_host() {
            warn_of_plain_text("object storage", &host, "use https:// in S3_ENDPOINT");
        }
        let credentials = Credentials::new(
            &options.access_key_id,
            options.secret_access_key.expose(),
            None,
            None,
            "configuration",
        );
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint(&options.endpoint)?)
            .region(Region::new(options.region.clone()))
            .credentials_provider(credentials)
            // Host names per bucket are Amazon's own; every S3 server knows paths.
            .force_path_style(true)
            // The SDK's newer default checksums are unknown to many S3-compatible stores.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            );
        if let Some(authorities) = &options.ca_file {
            config.set_http_client(Some(trusting(authorities)));
        }
        Ok(Self {
            client: Client::from_conf(config.build()),
            bucket: options.bucket.clone(),
        })
    }

    pub(super) fn error<E>(&self, action: &'static str, key: &str, error: &SdkError<E>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        Error::of(&self.bucket, action, key, error)
    }
}

/// An HTTP client that trusts these authorities and no others.
fn trusting(authorities: &Authorities) -> SharedHttpClient {
    let trusted = TrustStore::empty().with_pem_certificate(authorities.pem());
    // If the context were refused, the default one would trust the system's authorities, and refuse the server.
    let context = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .unwrap_or_default();
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https()
}
