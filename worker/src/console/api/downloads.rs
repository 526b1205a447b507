//! The two reports. Whoever downloads the success CSV, which holds passwords, is recorded in the audit trail before it
//! is sent.

use std::{convert::Infallible, sync::Arc};

use aide::transform::TransformOperation;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{json::QueryParams, media::answers_with};
use crate::{
    console::{access::OwnImport, bounds::Place, error::Error, imports::has_reports, state::Console},
    message::ImportRef,
    storage::{Fetched, MAX_REPORT_BYTES, report_keys},
};

/// The audit trail's name for a download of passwords.
pub(in crate::console) const AUDITED: &str = "download-success";

/// A piece of a report on its way.
const PIECE_BYTES: usize = 64 * 1024;

/// Which reports to download.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Attempt {
    /// Those of an earlier attempt, whose passwords are in no later one.
    attempt: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Success,
    Errors,
}

/// Downloads the success CSV.
pub(super) async fn success(
    method: Method,
    own: OwnImport,
    State(console): State<Arc<Console>>,
    QueryParams(asked): QueryParams<Attempt>,
) -> Result<Response, Error> {
    // A HEAD request downloads no passwords.
    if method == Method::HEAD {
        return Err(Error::Refused(
            StatusCode::METHOD_NOT_ALLOWED,
            "the success CSV can only be downloaded as a whole".to_owned(),
        ));
    }
    download(&console, &own, asked.attempt, Report::Success).await
}

/// Downloads the error CSV.
pub(super) async fn errors(
    own: OwnImport,
    State(console): State<Arc<Console>>,
    QueryParams(asked): QueryParams<Attempt>,
) -> Result<Response, Error> {
    download(&console, &own, asked.attempt, Report::Errors).await
}

async fn download(
    console: &Console,
    OwnImport {
        administrator,
        import,
    }: &OwnImport,
    attempt: Option<u32>,
    report: Report,
) -> Result<Response, Error> {
    let attempt = attempt.unwrap_or(import.attempt);
    if attempt == import.attempt && !has_reports(import) {
        return Err(Error::Conflict(
            "the import has no reports: they are written when it is completed or cancelled".to_owned(),
        ));
    }
    let reference = ImportRef {
        attempt,
        ..import.reference()
    };
    let keys = report_keys(reference);
    let (key, name) = match report {
        Report::Success => (keys.success, "success"),
        Report::Errors => (keys.errors, "errors"),
    };
    let place = console.downloads.wait(reference.tenant_id).await;
    let place = place.ok_or(Error::Busy)?;
    let Fetched::Found {
        content: Some(content),
        ..
    } = console.storage.get(&key, MAX_REPORT_BYTES).await?
    else {
        return Err(Error::Gone("the report is no longer in storage"));
    };
    if report == Report::Success {
        let about = (reference.tenant_id.get(), reference.import_id);
        console
            .db
            .record(
                &administrator.audit(AUDITED),
                Some(about),
                json!({ "attempt": attempt }),
            )
            .await?;
    }
    let disposition = format!(
        "attachment; filename=\"{name}-{}.csv\"",
        short(&reference.import_id.to_string())
    );
    let disposition = HeaderValue::try_from(disposition).map_err(|error| Error::Internal(error.into()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_LENGTH, HeaderValue::from(content.len())),
    ];
    Ok((headers, in_pieces(content, place)).into_response())
}

/// A body that keeps its place until the last piece is taken, however slowly that is.
fn in_pieces(content: Bytes, place: Place) -> Body {
    let pieces = (0..content.len())
        .step_by(PIECE_BYTES)
        .map(move |from| content.slice(from..content.len().min(from + PIECE_BYTES)));
    Body::from_stream(stream::iter(pieces).map(move |piece| {
        let _place = &place;
        Ok::<_, Infallible>(piece)
    }))
}

/// Enough of an ID to tell two files in a folder apart.
fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

pub(super) fn describe_success(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    csv(operation
        .id("downloadSuccess")
        .tag("administrators")
        .summary("Download the success CSV, with the temporary passwords")
        .description("Each download is recorded in the audit trail."))
}

pub(super) fn describe_errors(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    csv(operation
        .id("downloadErrors")
        .tag("administrators")
        .summary("Download the error CSV, to be corrected and uploaded again"))
}

fn csv(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    answers_with(operation, "The report.", "text/csv")
}
