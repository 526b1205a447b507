//! Reading an object: the content is whole, or it is an error.

use std::time::Duration;

use aws_sdk_s3::{operation::get_object::GetObjectOutput, primitives::ByteStream};
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};
use shared::contract::job::normalized_etag;

use super::{
    client::{OPERATION_TIMEOUT, Storage},
    error::{Error, with_causes},
};

/// How long a caller that keeps others waiting waits for an answer. A healthy store answers within milliseconds.
const SOON: Duration = Duration::from_secs(2);

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

impl Storage {
    /// Reads an object, but no more than `max_bytes` of it. The content is whole, or it is an error.
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

    /// Whether there is an object under the key, for callers that keep all others waiting meanwhile.
    pub async fn exists_soon(&self, key: &str) -> Result<bool, Error> {
        match tokio::time::timeout(SOON, self.exists(key)).await {
            Ok(found) => found,
            Err(_) => Err(Error::Failed {
                action: "looking for",
                key: key.to_owned(),
                cause: format!("no answer within {} s", SOON.as_secs()),
            }),
        }
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
            Ok(Err(error)) => Err(Error::reading(key, with_causes(&error))),
            Err(_) => Err(Error::reading(
                key,
                format!("no complete answer within {} s", OPERATION_TIMEOUT.as_secs()),
            )),
        }
    }

    /// A connection that ends early looks like the end of a body whose length nobody declared, and a proxy may declare the
    /// length of the part that it has. Its digest shows whether the content is whole, or else the size that the store
    /// answers when it is asked for that alone.
    async fn check_whole(
        &self,
        key: &str,
        content: &Bytes,
        declared: Option<u64>,
        digest: Option<String>,
    ) -> Result<(), Error> {
        let read = content.len() as u64;
        let cut = |size: u64| {
            Err(Error::reading(
                key,
                format!("cut short: {read} of {size} bytes arrived"),
            ))
        };
        match (declared, digest) {
            (Some(size), _) if size != read => return cut(size),
            (Some(_), None) => return Ok(()),
            (_, Some(digest)) if digest == md5(content) => return Ok(()),
            // Not every store makes its ETag from the content, even if it looks like that.
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
            None => Err(Error::reading(
                key,
                format!(
                    "cannot tell whether {read} bytes are all of it: the store gives neither size nor digest"
                ),
            )),
        }
    }
}

/// Whether an ETag may be the digest of the content: it is not for objects that were uploaded in parts.
fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Source: Amazon S3, "Checking object integrity": the ETag of these is not a digest of the content.
fn is_encrypted(object: &GetObjectOutput) -> bool {
    object.sse_customer_algorithm().is_some() || object.ssekms_key_id().is_some()
}

fn md5(content: &[u8]) -> String {
    let digest = Md5::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
