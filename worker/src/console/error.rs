//! What goes wrong with a request, in a sentence that says what to do. The answer is JSON; for a page, [`super::pages`]
//! makes a page of it.

use std::sync::Arc;

use aide::OperationOutput;
use axum::{
    Json,
    extract::rejection::{JsonRejection, QueryRejection, RawFormRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{access::keys::Refused, size::size};
use crate::{
    broker,
    db::{self, Severity},
    operate, storage,
};

/// Maximum length of what an extractor says.
const MAX_MESSAGE_BYTES: usize = 4096;

/// What goes wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("you are not signed in: open the console from the Dialer again")]
    SignedOut,
    #[error("the token is not accepted: {0}")]
    Token(Refused),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("the request did not come from a page of the console")]
    ForeignOrigin,
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    Invalid(String),
    #[error("the file is larger than the maximum of {}: split it into several files", size(*.0))]
    TooLarge(u64),
    #[error("the request was cut short, or arrived too slowly: try again")]
    CutShort,
    /// What the router or an extractor says, with its status.
    #[error("{1}")]
    Refused(StatusCode, String),
    #[error("too much is in progress at the moment: try again in a few seconds")]
    Busy,
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Gone(&'static str),
    #[error("the service is not responding at the moment; nothing was changed. Try again")]
    Database(#[source] db::Error),
    #[error("the service could not do that at the moment; nothing was changed. Try again")]
    Undone(#[source] db::Error),
    #[error(
        "the service cannot forward it at the moment. Try again: nothing is lost, and nothing is done twice"
    )]
    Broker(#[source] broker::Error),
    #[error("the waiting messages cannot be counted: {0}")]
    Uncounted(String),
    #[error("the service cannot reach its files at the moment; nothing was changed. Try again")]
    Storage(#[source] storage::Error),
    #[error("something went wrong on our side, and was logged. Try again")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The answer to a request that failed.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct Failure {
    /// What kind of error it is, for programs.
    #[schemars(example = &"not_found")]
    pub(super) code: String,
    /// What happened and what to do, for people.
    #[schemars(example = &"there is no such import")]
    pub(super) message: String,
}

impl Error {
    /// What the router or an extractor says.
    fn refused(status: StatusCode, said: String) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound("page"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::Refused(status, "that method is not allowed here".to_owned())
            }
            StatusCode::PAYLOAD_TOO_LARGE => Self::Refused(status, "the request is too large".to_owned()),
            // axum's message for a body that is cut short.
            StatusCode::BAD_REQUEST if said.starts_with("Failed to buffer the request body") => {
                Self::CutShort
            }
            _ => Self::Refused(status, said),
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut | Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::CutShort => StatusCode::BAD_REQUEST,
            Self::Refused(status, _) => *status,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Gone(_) => StatusCode::GONE,
            Self::Database(_) | Self::Undone(_) | Self::Broker(_) | Self::Uncounted(_) | Self::Storage(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Token(_) => "token_refused",
            Self::Forbidden(_) => "forbidden",
            Self::ForeignOrigin => "foreign_origin",
            Self::NotFound(_) => "not_found",
            Self::Invalid(_) => "invalid",
            Self::TooLarge(_) => "file_too_large",
            Self::CutShort => "cut_short",
            Self::Refused(status, _) => match *status {
                StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
                StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
                StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
                _ => "invalid",
            },
            Self::Busy => "busy",
            Self::Conflict(_) => "conflict",
            Self::Gone(_) => "gone",
            Self::Database(_) => "database_unavailable",
            Self::Undone(_) => "database_error",
            Self::Broker(_) | Self::Uncounted(_) => "broker_unavailable",
            Self::Storage(_) => "storage_unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            let cause = std::error::Error::source(&self).map(ToString::to_string);
            tracing::warn!(
                cause = cause.as_deref().unwrap_or_default(),
                "a request failed: {self}"
            );
        }
        let failure = Failure {
            code: self.code().to_owned(),
            message: self.to_string(),
        };
        let mut response = (status, Json(&failure)).into_response();
        response.extensions_mut().insert(Arc::new(failure));
        response
    }
}

impl OperationOutput for Error {
    type Inner = Failure;

    fn operation_response(
        context: &mut aide::generate::GenContext,
        operation: &mut aide::openapi::Operation,
    ) -> Option<aide::openapi::Response> {
        Json::<Failure>::operation_response(context, operation)
    }
}

/// An answer of the router or of an extractor, which refuses in plain text or without any text: told like every other
/// failure.
pub(super) async fn told(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_plain = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return response;
    }
    let said = axum::body::to_bytes(response.into_body(), MAX_MESSAGE_BYTES).await;
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    Error::refused(status, said).into_response()
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        Self::refused(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Error {
    fn from(rejection: QueryRejection) -> Self {
        Self::refused(rejection.status(), rejection.body_text())
    }
}

impl From<RawFormRejection> for Error {
    fn from(rejection: RawFormRejection) -> Self {
        Self::refused(rejection.status(), rejection.body_text())
    }
}

impl From<db::Error> for Error {
    fn from(error: db::Error) -> Self {
        match error.severity() {
            Severity::Outage => Self::Database(error),
            Severity::Transient => Self::Undone(error),
            Severity::Unexpected => Self::Internal(error.into()),
        }
    }
}

impl From<broker::Error> for Error {
    fn from(error: broker::Error) -> Self {
        Self::Broker(error)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<operate::Error> for Error {
    fn from(error: operate::Error) -> Self {
        match error {
            operate::Error::Unknown(_) => Self::NotFound("import"),
            operate::Error::UnknownTenant(_) => Self::NotFound("tenant"),
            operate::Error::Database(error) => error.into(),
            operate::Error::Broker(error) => Self::Broker(error),
            other => Self::Conflict(other.to_string()),
        }
    }
}
