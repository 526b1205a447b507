//! Writing and deleting objects, and whether there is a bucket for them.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use shared::contract::job::normalized_etag;
use zeroize::Zeroizing;

use super::{
    client::Storage,
    error::{Error, WRITING},
};

impl Storage {
    /// Writes an object, replacing what is there, and returns its ETag, normalized.
    pub async fn put(&self, key: &str, content: Bytes, content_type: &str) -> Result<Option<String>, Error> {
        self.write(key, content, content_type).await
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

    /// Whether the bucket exists; an error if it does not, none if the store does not say.
    pub async fn check_bucket(&self) -> Result<(), Error> {
        let asked = self.client.head_bucket().bucket(&self.bucket).send().await;
        let status = asked
            .err()
            .and_then(|error| Some(error.raw_response()?.status().as_u16()));
        match status {
            Some(404) => Err(Error::NoBucket(self.bucket.clone())),
            // Whoever may write need not be allowed to ask, and what else is wrong shows when an object is written.
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
}
