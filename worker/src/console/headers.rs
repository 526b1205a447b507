//! What every answer says besides its content: it is not kept, nothing is loaded from elsewhere, and only permitted
//! sites can frame it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::options::Framing;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The headers of every answer.
pub(super) fn security(framing: &Framing) -> Vec<(HeaderName, HeaderValue)> {
    let ancestors = match framing {
        Framing::Nowhere => "'none'",
        Framing::By(origins) => origins,
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors {ancestors}"
    );
    let mut headers = vec![
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        // `no-referrer` would make browsers send `Origin: null` with forms.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (
            PERMISSIONS_POLICY,
            HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
        ),
        (
            CROSS_ORIGIN_RESOURCE_POLICY,
            HeaderValue::from_static("same-origin"),
        ),
    ];
    // Origins were checked when they were read, so they are valid header values.
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.push((header::CONTENT_SECURITY_POLICY, policy));
    }
    headers
}

/// Adds those that the answer does not have itself.
pub(super) fn add(to: &mut HeaderMap, security: &[(HeaderName, HeaderValue)]) {
    for (name, value) in security {
        to.entry(name).or_insert_with(|| value.clone());
    }
}
