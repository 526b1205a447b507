//! `/api/uploads`: a file arrives as the body of a request, and is inspected by the worker's own code.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};
use futures::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use shared::file::Encoding;
use time::OffsetDateTime;
use uuid::Uuid;

use super::json::QueryParams;
use crate::{
    console::{
        access::{Administrator, OwnUpload},
        bounds::Place,
        error::Error,
        inspect::{UploadView, inspect, inspect_bytes},
        state::Console,
    },
    db::{Upload, UploadedObject},
    operate,
};

/// Maximum length of a file's name that is kept.
const MAX_NAME_CHARS: usize = 200;

/// What is known of a file besides its content.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NewUpload {
    /// Its name, for people.
    #[serde(default)]
    name: String,
}

/// Takes a file.
pub(super) async fn create(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    QueryParams(new): QueryParams<NewUpload>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<UploadView>), Error> {
    let (content, place) = read_body(&console, &administrator, &headers, body).await?;
    let upload = receive(&console, &administrator, &new.name, content.clone(), None).await?;
    let inspected = match inspect_bytes(&console, content, None, place).await {
        Ok(inspected) => inspected,
        Err(error) => {
            // Whoever tries again uploads it again.
            discard(&console, &upload).await?;
            return Err(error);
        }
    };
    Ok((StatusCode::CREATED, Json(UploadView::of(&upload, inspected))))
}

/// Reads the body when it is the tenant's turn, which lasts as long as the place returned with it; no more than a file
/// may have.
async fn read_body(
    console: &Console,
    administrator: &Administrator,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Place), Error> {
    let most = console.limits.max_file_bytes;
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > most) {
        return Err(Error::TooLarge(most));
    }
    let place = console.uploads.wait(administrator.tenant_id).await;
    let place = place.ok_or(Error::Busy)?;
    let mut content = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Error::CutShort)?;
        content.extend_from_slice(&chunk);
        if content.len() as u64 > most {
            return Err(Error::TooLarge(most));
        }
    }
    Ok((content.into(), place))
}

/// Puts a file into storage and records it.
pub(in crate::console) async fn receive(
    console: &Console,
    administrator: &Administrator,
    name: &str,
    content: Bytes,
    corrects: Option<(Uuid, serde_json::Value)>,
) -> Result<Upload, Error> {
    let upload_id = Uuid::new_v4();
    let source = operate::upload(&console.storage, administrator.tenant_id, upload_id, content).await?;
    let (corrects, choices) = corrects.unzip();
    let upload = Upload {
        upload_id,
        tenant_id: administrator.tenant_id,
        file_name: file_name(name),
        object: UploadedObject {
            key: source.key,
            etag: source.etag,
            size_bytes: source.size_bytes.unwrap_or(0),
        },
        choices: choices.unwrap_or_else(|| serde_json::json!({})),
        check_id: None,
        import_id: None,
        corrects,
        changed_at: OffsetDateTime::now_utc(),
    };
    console.db.add_upload(&upload, &administrator.subject).await?;
    Ok(upload)
}

/// A name without its folder and without what is not safe to show.
fn file_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = shared::text::printable(name.trim())
        .chars()
        .take(MAX_NAME_CHARS)
        .collect();
    if name.is_empty() {
        "users.csv".to_owned()
    } else {
        name
    }
}

pub(super) fn describe_create(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("createUpload")
        .tag("administrators")
        .summary("Upload a file, as the body of the request")
        .description(
            "The answer says what the file holds, and which columns seem to be which fields. A file that cannot be imported \
             is kept too, with the reason as `rejection`.",
        )
        .with(|mut operation| {
            operation.inner_mut().request_body = Some(aide::openapi::ReferenceOr::Item(aide::openapi::RequestBody {
                content: [(
                    "text/csv".to_owned(),
                    aide::openapi::MediaType::default(),
                )]
                .into_iter()
                .collect(),
                required: true,
                ..Default::default()
            }));
            operation
        })
        .response::<201, Json<UploadView>>()
}

/// How an upload is to be read.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ReadAs {
    /// The encoding to read it in, as a job would declare it.
    encoding: Option<Encoding>,
}

/// Inspects a file again.
pub(super) async fn show(
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
    QueryParams(read_as): QueryParams<ReadAs>,
) -> Result<Json<UploadView>, Error> {
    let inspected = inspect(&console, &upload, read_as.encoding).await?;
    Ok(Json(UploadView::of(&upload, inspected)))
}

pub(super) fn describe_show(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("showUpload")
        .tag("administrators")
        .summary("Inspect an uploaded file, in another encoding if necessary")
}

/// Discards an upload.
pub(super) async fn delete(
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<StatusCode, Error> {
    discard(&console, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn describe_delete(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("discardUpload")
        .tag("administrators")
        .summary("Discard a file that was not imported")
        .response::<204, ()>()
}

/// Discards an upload that was not imported: the file, and what was chosen for it.
pub(in crate::console) async fn discard(console: &Console, upload: &Upload) -> Result<(), Error> {
    // The record first: an import that is begun at the same moment needs the object.
    changed(console.db.discard(upload).await?)?;
    if let Err(error) = console.storage.delete(&upload.object.key).await {
        tracing::warn!(%error, key = upload.object.key, "a discarded file could not be deleted from storage");
    }
    Ok(())
}

/// Whether an upload could be changed.
pub(in crate::console) fn changed(changed: bool) -> Result<(), Error> {
    if changed {
        Ok(())
    } else {
        Err(Error::Conflict(
            "the file has already been imported and can no longer be changed".to_owned(),
        ))
    }
}
