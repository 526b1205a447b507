//! The token that a request carries itself.

use axum::http::{HeaderMap, header};

/// The token of the header `Authorization`, which no browser sends by itself.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
