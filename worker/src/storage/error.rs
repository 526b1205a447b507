//! What goes wrong, in messages that say what to do.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// The action on an object that need not exist before.
pub(super) const WRITING: &str = "writing";

/// Codes of status 400 that point to wrong settings; its other codes are transient. Source: Amazon S3, "Error
/// responses".
const WRONG_SETTINGS: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "InvalidToken",
];

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
         keys, their permissions, or this machine's clock"
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

impl Error {
    pub(super) fn of<E>(bucket: &str, action: &'static str, key: &str, error: &SdkError<E>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (status, error.code()) {
            (_, Some("NoSuchBucket")) => Self::NoBucket(bucket.to_owned()),
            // Proxies and some stores answer this without S3's code.
            (Some(404 | 410), _) | (_, Some("NoSuchKey" | "NoSuchVersion")) if action != WRITING => {
                Self::Missing
            }
            (Some(status @ (301 | 307 | 308 | 401 | 403 | 405)), code) => Self::Denied {
                action,
                key: key.to_owned(),
                status,
                code: code.unwrap_or("without a code").to_owned(),
            },
            (Some(status @ 400), Some(code)) if WRONG_SETTINGS.contains(&code) => Self::Denied {
                action,
                key: key.to_owned(),
                status,
                code: code.to_owned(),
            },
            _ => Self::Failed {
                action,
                key: key.to_owned(),
                cause: with_causes(error),
            },
        }
    }

    /// The reading of an object failed.
    pub(super) fn reading(key: &str, cause: String) -> Self {
        Self::Failed {
            action: "reading",
            key: key.to_owned(),
            cause,
        }
    }
}

/// The SDK's errors say little without their causes.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    causes.join(": ")
}
