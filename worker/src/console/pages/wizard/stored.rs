//! What an upload keeps of what its administrator does.

use std::sync::Arc;

use axum::{extract::State, response::Redirect};
use shared::contract::Id;

use crate::{
    console::{access::OwnUpload, error::Error, state::Console},
    db::{Upload, UploadedObject},
    operate,
};

/// Throws an upload away that was not imported: the file, and what was chosen for it.
pub(super) async fn discard(
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Redirect, Error> {
    // First here: an import that is begun at the same moment needs the object.
    changed(console.db.discard(&upload).await?)?;
    if let Err(error) = console.storage.delete(&upload.object.key).await {
        tracing::warn!(%error, key = upload.object.key, "a file that was thrown away is still in the storage");
    }
    Ok(Redirect::to("/imports"))
}

/// Puts another content in the place of an upload's.
pub(super) async fn store(
    console: &Console,
    tenant_id: Id,
    upload: &Upload,
    content: Vec<u8>,
) -> Result<UploadedObject, Error> {
    let size_bytes = content.len() as u64;
    if size_bytes > console.limits.max_file_bytes {
        return Err(Error::TooLarge(console.limits.max_file_bytes));
    }
    let source = operate::upload(&console.storage, tenant_id, upload.upload_id, content).await?;
    Ok(UploadedObject {
        key: source.key,
        etag: source.etag,
        size_bytes,
    })
}

/// Whether an upload could be changed.
pub(super) fn changed(changed: bool) -> Result<(), Error> {
    if changed {
        Ok(())
    } else {
        Err(Error::Conflict(
            "the file is imported already: nothing of it can be changed any more".to_owned(),
        ))
    }
}
