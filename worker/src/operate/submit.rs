//! Submitting, as the Dialer does it: a file goes into storage, and a job comes out as the message to be published.

use bytes::Bytes;
use shared::contract::{
    Id,
    job::{Job, Source, tenant_prefix},
};
use uuid::Uuid;

use super::error::Error;
use crate::{
    db::Db,
    message::Message,
    storage::{self, Storage},
};

/// Puts a file into storage, under a key that holds `id`, and says where it is.
///
/// The key follows from the content, so that another file under the same ID never replaces the first.
pub async fn upload(
    storage: &Storage,
    tenant_id: Id,
    id: Uuid,
    content: Bytes,
) -> Result<Source, storage::Error> {
    let content_id = Uuid::new_v5(&id, &content);
    let key = format!("{}uploads/{id}/{content_id}.csv", tenant_prefix(tenant_id));
    let size_bytes = u64::try_from(content.len()).ok();
    let etag = storage.put(&key, content, "text/csv").await?;
    Ok(Source {
        key,
        etag,
        size_bytes,
        encoding: None,
    })
}

/// What asks for an import.
#[derive(Debug)]
pub struct Submitted {
    /// Whether a worker has taken the same job before.
    pub is_known: bool,
    /// What is to be published.
    pub messages: Vec<Message>,
}

/// Asks for an import. Doing it again with the same job changes nothing; with another one it fails with [`Error::Taken`].
pub async fn submit(db: &Db, job: &Job) -> Result<Submitted, Error> {
    let known = db.find(job.import_id).await?;
    if known.as_ref().is_some_and(|import| !import.job.is_same_as(job)) {
        return Err(Error::Taken(job.import_id));
    }
    Ok(Submitted {
        is_known: known.is_some(),
        messages: vec![Message::Job(Box::new(job.clone()))],
    })
}
