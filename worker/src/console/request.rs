//! What is done with every request before it is answered: its body has to arrive in time, and control characters, which
//! no search can find, are removed from its query.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::Uri,
    middleware::Next,
    response::Response,
};
use futures::{Stream, StreamExt, stream};
use tokio::time::Instant;

/// How long any body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The minimum rate of a body that takes longer.
const BYTES_PER_SECOND: u32 = 16 * 1024;

/// Passes a request on.
pub(super) async fn receive(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    if let Some(uri) = without_control_characters(&parts.uri) {
        parts.uri = uri;
    }
    let body = Body::from_stream(in_time(body.into_data_stream(), PATIENCE));
    next.run(Request::from_parts(parts, body)).await
}

/// The body as it arrives; an error as soon as it is too late. Time begins when the first part of it is asked for.
fn in_time<E: Into<axum::BoxError>>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, axum::BoxError>> + Send + 'static {
    stream::unfold(
        (body, None, 0_u32),
        move |(mut body, began, received)| async move {
            let began = began.unwrap_or_else(Instant::now);
            let deadline = began + patience + Duration::from_secs((received / BYTES_PER_SECOND).into());
            let chunk = match tokio::time::timeout_at(deadline, body.next()).await {
                Ok(chunk) => chunk?.map_err(Into::into),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            };
            let bytes = chunk.as_ref().map_or(0, Bytes::len);
            let received = received.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            Some((chunk, (body, Some(began), received)))
        },
    )
}

/// The address with the control characters removed from its query, if it has any: no database finds a NUL, and nobody
/// types one.
fn without_control_characters(uri: &Uri) -> Option<Uri> {
    let pairs = || url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    if !pairs().any(|(_, value)| value.contains(char::is_control)) {
        return None;
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs().map(|(name, value)| (name, value.replace(char::is_control, ""))))
        .finish();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{}?{query}", uri.path()).parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_loses_its_control_characters_and_nothing_else() {
        for (address, expected) in [
            ("/users?search=a%00b&before=7", Some("/users?search=ab&before=7")),
            ("/users?search=%2500", None),
            ("/users", None),
        ] {
            let found = without_control_characters(&address.parse().unwrap());
            assert_eq!(found.map(|uri| uri.to_string()).as_deref(), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn a_body_that_comes_too_slowly_is_broken_off_and_one_that_comes_on_is_not() {
        let came = async |bytes: usize| {
            let chunks = stream::iter(0..100).then(move |_| async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok::<_, io::Error>(Bytes::from(vec![0; bytes]))
            });
            let mut body = Box::pin(in_time(chunks.boxed(), Duration::from_millis(100)));
            let mut came = 0;
            while let Some(Ok(_)) = body.next().await {
                came += 1;
            }
            came
        };
        assert!((1..30).contains(&came(1).await), "a letter at a time");
        assert_eq!(came(20 * 1024).await, 100, "a slow line");
    }
}
