//! Changes come from the console's own pages: a request that a browser sends along with a cookie must say so.

use axum::{
    extract::Request,
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::token::token;
use crate::console::error::Error;

/// Lets requests pass that change nothing, that carry a token of their own, or that come from a page of ours.
pub(crate) async fn check_origin(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let headers = request.headers();
    if changes && token(headers).is_none() && !is_ours(headers) {
        return Error::ForeignOrigin.into_response();
    }
    next.run(request).await
}

/// Browsers send `Origin` with every change, and nobody can make them send another.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    let authority = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_page_itself_is_ours() {
        let host = "import.example.com";
        for (origin, ours) in [
            (Some("https://import.example.com"), true),
            (Some("http://import.example.com"), true),
            (Some("https://import.example.com:8443"), false),
            (Some("https://import.example.com.attacker.example"), false),
            (Some("https://attacker.example"), false),
            (Some("null"), false),
            (Some("import.example.com"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_ours(&headers), ours, "{origin:?}");
        }
    }
}
