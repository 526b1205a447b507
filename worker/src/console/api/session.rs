//! `/api/session`: a token is exchanged for a cookie; logging out ends both.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::contract::Id;
use time::OffsetDateTime;

use super::json::Body;
use crate::{
    console::{
        access::{self, Visitor},
        error::Error,
        state::Console,
    },
    crypto::password::random_bytes,
    db::{Bearer, BearerRole},
    steps::event::rfc3339,
};

/// Random bytes of a cookie.
const COOKIE_BYTES: usize = 32;

/// A token to be exchanged.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Exchange {
    /// The JWT.
    token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Session {
    /// Who.
    #[schemars(example = &"ada@example.com")]
    subject: String,
    /// The tenant, of an administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Id>,
    /// What an operator may do: `read` or `act`.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'static str>,
    /// When the session ends.
    #[schemars(example = &"2026-11-27T08:00:00Z")]
    expires_at: String,
}

impl Session {
    fn of(bearer: Bearer) -> Result<Self, Error> {
        let (tenant_id, operator) = match bearer.role {
            BearerRole::Administrator(tenant_id) => (Some(tenant_id), None),
            BearerRole::Operator { may_act: true } => (None, Some("act")),
            BearerRole::Operator { may_act: false } => (None, Some("read")),
        };
        Ok(Self {
            subject: bearer.subject,
            tenant_id,
            operator,
            expires_at: rfc3339(bearer.expires_at)?,
        })
    }
}

/// Exchanges a token for a cookie.
pub(super) async fn begin(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    Body(exchange): Body<Exchange>,
) -> Result<Response, Error> {
    let bearer = console.verify(&exchange.token).await?;
    let secret: [u8; COOKIE_BYTES] = random_bytes().map_err(|error| Error::Internal(error.into()))?;
    let secret = BASE64_URL_SAFE_NO_PAD.encode(secret);
    let begun = console
        .db
        .begin_session(
            &access::digest(&secret),
            &access::digest(&exchange.token),
            &bearer,
        )
        .await?;
    if !begun {
        return Err(Error::Token(access::Refused::Revoked));
    }
    let life = bearer.expires_at - OffsetDateTime::now_utc();
    let cookie = access::set(&headers, &console.framing, &secret, life);
    let session = Json(Session::of(bearer)?);
    Ok(match cookie {
        Some(cookie) => ([(SET_COOKIE, cookie)], session).into_response(),
        None => session.into_response(),
    })
}

pub(super) fn describe_begin(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("beginSession")
        .tag("sessions")
        .summary("Exchange a token for a cookie")
        .description(
            "The cookie lives as long as the token. A token that was logged out or revoked is refused.",
        )
        .security_requirement_multi([])
        .response_with::<200, Json<Session>, _>(|response| {
            response.description("Who is signed in, and the cookie.")
        })
}

/// Says who is signed in.
pub(super) async fn show(visitor: Visitor) -> Result<Json<Session>, Error> {
    Session::of(visitor.bearer).map(Json)
}

pub(super) fn describe_show(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("showSession")
        .tag("sessions")
        .summary("Say who is signed in")
}

/// Logs out.
pub(super) async fn end(
    visitor: Visitor,
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    visitor.log_out(&console).await?;
    let cookie = access::clear(&headers, &console.framing);
    Ok(match cookie {
        Some(cookie) => (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

pub(super) fn describe_end(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("endSession")
        .tag("sessions")
        .summary("Log out")
        .description("Ends the session of the cookie, the token that it was exchanged for, and all sessions of that token.")
        .response::<204, ()>()
}
