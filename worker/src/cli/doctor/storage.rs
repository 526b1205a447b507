//! The object storage: whether an object can be written, read and deleted.

use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::{environment::from_environment, http};
use crate::{
    checks::Check,
    storage::{self, Fetched, Storage},
};

/// What is written into the bucket and read back.
const PROBE: &[u8] = b"user-import doctor";

pub(super) async fn storage() -> Vec<Check> {
    const NAME: &str = "object storage";
    let options = match from_environment::<storage::Options>() {
        Ok(options) => options,
        Err(error) => return vec![Check::failed(NAME, error, "set the S3_ variables")],
    };
    let storage = match Storage::new(&options) {
        Ok(storage) => storage,
        Err(error) => return vec![Check::failed(NAME, error.to_string(), "correct S3_ENDPOINT")],
    };
    // No tenant has the ID 0, so this key is nobody's, and yet a bucket policy that lets us write allows it.
    let key = format!("tenants/0/doctor/{}", Uuid::new_v4());
    let advice =
        "is the server up, are S3_ENDPOINT, S3_BUCKET and the keys right, may they write and read tenants/*?";
    if let Err(error) = storage.put(&key, PROBE.to_vec().into(), "text/plain").await {
        return vec![Check::failed(NAME, error.to_string(), advice)];
    }
    let read = storage.get(&key, PROBE.len() as u64).await;
    let mut checks = vec![match read {
        Ok(Fetched::Found {
            content: Some(content),
            ..
        }) if content == PROBE => Check::ok(NAME, format!("writes and reads bucket {}", options.bucket)),
        Ok(_) => Check::failed(NAME, "what was written could not be read back", advice),
        Err(error) => Check::failed(NAME, error.to_string(), advice),
    }];
    if let Err(error) = storage.delete(&key).await {
        let advice = format!("workers do not need to delete, user-import purge does; {key} is left behind");
        checks.push(Check::warning("storage deletion", error.to_string(), advice));
    }
    checks
}

/// The object storage's time, if it can be asked.
pub(super) async fn time() -> Option<OffsetDateTime> {
    let options = from_environment::<storage::Options>().ok()?;
    let url = Url::parse(options.endpoint.expose()).ok()?;
    http::get(&url, options.ca_file.as_ref()).await.ok()?.date
}
