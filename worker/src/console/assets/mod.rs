//! What pages load, embedded in the program.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
    routing::get,
};

const STYLE: &str = include_str!("console.css");
const SCRIPT: &str = include_str!("console.js");
const LIVE: &str = include_str!("live.js");
const ICON: &str = include_str!("icon.svg");

/// The files, which anybody may load.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route(
            "/assets/console.css",
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/assets/console.js",
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(
            "/assets/live.js",
            get(async || file("text/javascript; charset=utf-8", LIVE)),
        )
        .route("/assets/icon.svg", get(async || file("image/svg+xml", ICON)))
}

fn file(content_type: &'static str, content: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        // The next release has other files under the same names.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, content)
}
