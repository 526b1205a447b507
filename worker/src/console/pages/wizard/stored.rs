//! What an upload keeps of what its administrator does.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, response::Redirect};
use shared::contract::Id;

use crate::{
    console::{access::OwnUpload, api, choices::Choices, error::Error, state::Console},
    db::{Upload, UploadedObject},
    operate,
};

/// Discards an upload that was not imported: the file, and what was chosen for it.
pub(super) async fn discard(
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Redirect, Error> {
    api::discard(&console, &upload).await?;
    Ok(Redirect::to("/imports"))
}

/// Stores new content for an upload.
pub(super) async fn store(
    console: &Console,
    tenant_id: Id,
    upload: &Upload,
    content: Bytes,
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

/// Makes this the object of an upload, with what is chosen for it. The previous object is deleted, unless a check may
/// still read it.
pub(super) async fn replace(
    console: &Console,
    upload: &Upload,
    object: &UploadedObject,
    choices: &Choices,
) -> Result<(), Error> {
    if !console
        .db
        .replace_upload(upload, object, &choices.to_json())
        .await?
    {
        return Err(Error::Conflict(
            "the file has been changed or imported in the meantime: reload the page".to_owned(),
        ));
    }
    let is_read = match upload.check_id {
        Some(check_id) => {
            let check = console.db.find_of(upload.tenant_id, check_id).await?;
            check.is_none_or(|check| !check.state.is_final())
        }
        None => false,
    };
    if !is_read
        && object.key != upload.object.key
        && let Err(error) = console.storage.delete(&upload.object.key).await
    {
        tracing::warn!(%error, key = upload.object.key, "a replaced file could not be deleted from storage");
    }
    Ok(())
}
