//! Object storage: the only place that names the AWS SDK. Keys and bytes go in and out.

use std::time::Duration;

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedHttpClient, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectOutput,
    primitives::ByteStream,
};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use shared::contract::{
    event::ReportKeys,
    job::{normalized_etag, tenant_prefix},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{
    message::ImportRef,
    secret::Secret,
    tls::{Authorities, is_this_machine, warn_of_plain_text},
};

/// One attempt of one request, connecting included. Our objects have a few MiB at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// One request with the SDK's own retries. Longer outages are left to the delay ladder of messages.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Largest report that is read back: reports have a few MiB at most, the source's rows and a sentence for each problem.
pub const MAX_REPORT_BYTES: u64 = 256 * 1024 * 1024;

/// What is done to an object that need not be there before.
const WRITING: &str = "writing";

/// Codes of the status 400 that speak of settings; others of it pass. Source: Amazon S3, "Error responses".
const WRONG_SETTINGS: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "InvalidToken",
];

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

/// A URL that requests can be sent to. The SDK looks at it only then, calls it a passing failure, and shows it.
///
/// What is refused is not shown: the keys may stand in it, where they do not belong. What is accepted is passed on as it was
/// understood here, because the SDK reads URLs more strictly.
fn endpoint(text: &Secret) -> Result<String, Error> {
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
    /// Another machine, if what goes there is sent as plain text.
    pub fn plain_text_host(&self) -> Option<String> {
        let url = Url::parse(self.endpoint.expose()).ok()?;
        let host = url.host_str().filter(|host| !is_this_machine(host))?;
        (url.scheme() == "http").then(|| host.to_owned())
    }
}

/// Why an object could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The endpoint cannot be used.
    #[error(
        "object storage: S3_ENDPOINT is not of the form http://HOST:PORT or https://HOST:PORT, without user and password"
    )]
    Endpoint,
    /// The server could not be reached, did not answer in time, or answered with an error.
    #[error("object storage: {action} {key:?} failed: {cause}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// The object.
        key: String,
        /// What the SDK says, with its causes.
        cause: String,
    },
    /// The store refuses what is asked of it, and will refuse it again, unless its settings or ours are changed.
    #[error(
        "object storage: {action} {key:?} was refused with {status} ({code}): correct S3_ENDPOINT, S3_REGION, S3_BUCKET, the \
         keys, what they may do, or this machine's clock"
    )]
    Denied {
        /// What was tried.
        action: &'static str,
        /// The object.
        key: String,
        /// The status of the answer.
        status: u16,
        /// S3's code for the error.
        code: String,
    },
    /// The object does not exist.
    #[error("object storage: there is no such object")]
    Missing,
    /// The bucket does not exist.
    #[error("object storage: there is no bucket {0:?}: create it, or correct S3_BUCKET")]
    NoBucket(String),
}

/// Keys of the reports of an attempt.
pub fn report_keys(import: ImportRef) -> ReportKeys {
    let folder = format!(
        "{}imports/{}/attempt-{}",
        tenant_prefix(import.tenant_id),
        import.import_id,
        import.attempt
    );
    ReportKeys {
        success: format!("{folder}/success.csv"),
        errors: format!("{folder}/errors.csv"),
        problems: Some(format!("{folder}/problems.jsonl")),
    }
}

/// What there is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The object.
    Found {
        /// Its content; `None` if it is larger than the given limit.
        content: Option<Bytes>,
        /// Its size in bytes.
        size_bytes: u64,
        /// Its ETag, normalized.
        etag: Option<String>,
    },
    /// Nothing.
    Missing,
}

/// The bucket of uploads and reports.
#[derive(Debug, Clone)]
pub struct Storage {
    client: Client,
    bucket: String,
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

    /// Reads an object, but no more than `max_bytes` of it. What comes is whole, or it is an error.
    pub async fn get(&self, key: &str, max_bytes: u64) -> Result<Fetched, Error> {
        let request = self.client.get_object().bucket(&self.bucket).key(key).send();
        let mut object = match request.await {
            Ok(object) => object,
            Err(error) => match self.error("reading", key, &error) {
                Error::Missing => return Ok(Fetched::Missing),
                error => return Err(error),
            },
        };
        let etag = object.e_tag().map(normalized_etag);
        let digest = etag.clone().filter(|etag| is_md5(etag) && !is_encrypted(&object));
        let declared = object.content_length().and_then(|size| u64::try_from(size).ok());
        if let Some(size_bytes) = declared
            && size_bytes > max_bytes
        {
            return Ok(Fetched::Found {
                content: None,
                size_bytes,
                etag,
            });
        }
        let content = self.read(key, &mut object.body, declared, max_bytes).await?;
        let size_bytes = content.len() as u64;
        let content = (size_bytes <= max_bytes).then_some(content);
        if let Some(content) = &content {
            self.check_whole(key, content, declared, digest).await?;
        }
        Ok(Fetched::Found {
            content,
            size_bytes,
            etag,
        })
    }

    /// Whether there is an object under the key.
    pub async fn exists(&self, key: &str) -> Result<bool, Error> {
        let request = self.client.head_object().bucket(&self.bucket).key(key).send();
        match request.await {
            Ok(_) => Ok(true),
            Err(error) => match self.error("looking for", key, &error) {
                Error::Missing => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Reads a body, and stops once it is larger than wanted: its declared length is only what the server says.
    async fn read(
        &self,
        key: &str,
        body: &mut ByteStream,
        declared: Option<u64>,
        max_bytes: u64,
    ) -> Result<Bytes, Error> {
        let mut content = BytesMut::with_capacity(usize::try_from(declared.unwrap_or(0)).unwrap_or(0));
        // A body is outside the SDK's operation time-out.
        let reading = async {
            while let Some(chunk) = body.try_next().await? {
                content.extend_from_slice(&chunk);
                if content.len() as u64 > max_bytes {
                    break;
                }
            }
            Ok::<_, aws_sdk_s3::primitives::ByteStreamError>(())
        };
        match tokio::time::timeout(OPERATION_TIMEOUT, reading).await {
            Ok(Ok(())) => Ok(content.freeze()),
            Ok(Err(error)) => Err(failed(key, with_causes(&error))),
            Err(_) => Err(failed(
                key,
                format!("no whole answer within {} s", OPERATION_TIMEOUT.as_secs()),
            )),
        }
    }

    /// A connection that ends early looks like the end of a body whose length nobody declared, and a proxy may declare the
    /// length of the part that it has. Whether the content is whole is told by its digest, else by the size that the
    /// store answers when it is asked for that alone.
    async fn check_whole(
        &self,
        key: &str,
        content: &Bytes,
        declared: Option<u64>,
        digest: Option<String>,
    ) -> Result<(), Error> {
        let read = content.len() as u64;
        let cut = |size: u64| Err(failed(key, format!("cut short: {read} of {size} bytes came")));
        match (declared, digest) {
            (Some(size), _) if size != read => return cut(size),
            (Some(_), None) => return Ok(()),
            (_, Some(digest)) if digest == md5(content) => return Ok(()),
            // Not every store makes its ETag of the content, even where it looks so.
            (_, Some(_)) | (None, None) => {}
        }
        let request = self.client.head_object().bucket(&self.bucket).key(key).send();
        let asked = request
            .await
            .map_err(|error| self.error("reading", key, &error))?;
        match asked.content_length().and_then(|size| u64::try_from(size).ok()) {
            Some(size) if size == read => Ok(()),
            Some(size) => cut(size),
            None if declared.is_some() => Ok(()),
            None => Err(failed(
                key,
                format!(
                    "whether {read} bytes are all of it cannot be told: the store names neither size nor digest"
                ),
            )),
        }
    }

    /// Writes an object, replacing what is there, and returns its ETag, normalized.
    pub async fn put(
        &self,
        key: &str,
        content: Vec<u8>,
        content_type: &str,
    ) -> Result<Option<String>, Error> {
        self.write(key, content.into(), content_type).await
    }

    /// Writes an object whose content is wiped from memory afterwards: what the SDK sends, it sends from there.
    pub async fn put_secret(
        &self,
        key: &str,
        content: Zeroizing<Vec<u8>>,
        content_type: &str,
    ) -> Result<Option<String>, Error> {
        self.write(key, Bytes::from_owner(content), content_type).await
    }

    async fn write(&self, key: &str, content: Bytes, content_type: &str) -> Result<Option<String>, Error> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(content));
        match request.send().await {
            Ok(written) => Ok(written.e_tag().map(normalized_etag)),
            Err(error) => Err(self.error(WRITING, key, &error)),
        }
    }

    /// Whether the bucket is there; an error if it is not, none if the store does not tell us.
    pub async fn check_bucket(&self) -> Result<(), Error> {
        let asked = self.client.head_bucket().bucket(&self.bucket).send().await;
        let status = asked
            .err()
            .and_then(|error| Some(error.raw_response()?.status().as_u16()));
        match status {
            Some(404) => Err(Error::NoBucket(self.bucket.clone())),
            // Whoever may write need not be allowed to ask, and what else is wrong is told when an object is written.
            _ => Ok(()),
        }
    }

    /// Deletes an object; one that is not there is deleted already.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key).send();
        match request.await {
            Ok(_) => Ok(()),
            Err(error) => match self.error("deleting", key, &error) {
                // S3 itself does not mind; some servers do.
                Error::Missing => Ok(()),
                error => Err(error),
            },
        }
    }

    fn error<E>(&self, action: &'static str, key: &str, error: &SdkError<E>) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (status, error.code()) {
            (_, Some("NoSuchBucket")) => Error::NoBucket(self.bucket.clone()),
            // Proxies and some stores answer so without S3's code.
            (Some(404 | 410), _) | (_, Some("NoSuchKey" | "NoSuchVersion")) if action != WRITING => {
                Error::Missing
            }
            (Some(status @ (301 | 307 | 308 | 401 | 403 | 405)), code) => Error::Denied {
                action,
                key: key.to_owned(),
                status,
                code: code.unwrap_or("without a code").to_owned(),
            },
            (Some(status @ 400), Some(code)) if WRONG_SETTINGS.contains(&code) => Error::Denied {
                action,
                key: key.to_owned(),
                status,
                code: code.to_owned(),
            },
            _ => Error::Failed {
                action,
                key: key.to_owned(),
                cause: with_causes(error),
            },
        }
    }
}

fn failed(key: &str, cause: String) -> Error {
    Error::Failed {
        action: "reading",
        key: key.to_owned(),
        cause,
    }
}

/// Whether an ETag may be the digest of the content: it is not for objects that were uploaded in parts.
fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Source: Amazon S3, "Checking object integrity": the ETag of these is no digest of the content.
fn is_encrypted(object: &GetObjectOutput) -> bool {
    object.sse_customer_algorithm().is_some() || object.ssekms_key_id().is_some()
}

fn md5(content: &[u8]) -> String {
    let digest = Md5::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An HTTP client that trusts these authorities and no others.
fn trusting(authorities: &Authorities) -> SharedHttpClient {
    let trusted = TrustStore::empty().with_pem_certificate(authorities.pem());
    // Were the context refused, the default one would trust the system's authorities, and refuse the server.
    let context = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .unwrap_or_default();
    aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https()
}

/// The SDK's errors say little without what caused them.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    causes.join(": ")
}
