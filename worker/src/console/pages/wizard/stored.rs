//! What an upload keeps of what its administrator does.

use shared::contract::Id;

use crate::{
    console::{error::Error, state::Console},
    db::{Upload, UploadedObject},
    operate,
};

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
