//! One HTTP request, for what a server tells only over HTTP.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request,
    header::{AUTHORIZATION, DATE},
};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Url;

use crate::tls::Authorities;

/// Time limit of a request. A list of ten thousand queues takes RabbitMQ a second.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Far more than a list of ten thousand queues needs.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What a server answers.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The server's time, to the second.
    pub(super) date: Option<OffsetDateTime>,
    pub(super) body: Bytes,
}

/// Gets a page, as the user in the URL if there is one.
pub(super) async fn get(url: &Url, authorities: Option<&Authorities>) -> anyhow::Result<Answer> {
    tokio::time::timeout(TIMEOUT, answer(url, authorities))
        .await
        .with_context(|| format!("no answer within {} s", TIMEOUT.as_secs()))?
}

async fn answer(url: &Url, authorities: Option<&Authorities>) -> anyhow::Result<Answer> {
    let builder = HttpsConnectorBuilder::new();
    let connector = match authorities {
        Some(authorities) => builder.with_tls_config(authorities.trusted()),
        None => builder.with_native_roots()?,
    }
    .https_or_http()
    .enable_http1()
    .build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);

    let mut address = url.clone();
    // Both fail only for a URL that cannot have a user, and so has none.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    let mut request = Request::get(address.as_str());
    if !url.username().is_empty() {
        let credentials = format!(
            "{}:{}",
            decoded(url.username()),
            decoded(url.password().unwrap_or_default())
        );
        let credentials = BASE64_STANDARD.encode(credentials);
        request = request.header(AUTHORIZATION, format!("Basic {credentials}"));
    }
    let answer = match client.request(request.body(Empty::new())?).await {
        Ok(answer) => answer,
        // The error's own text is "client error (Connect)".
        Err(error) => bail!(root_cause(&error)),
    };
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    Ok(Answer {
        status: answer.status().as_u16(),
        date: date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok()),
        body: match Limited::new(answer.into_body(), MAX_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => bail!("the answer was cut off: {error}"),
        },
    })
}

fn root_cause(error: &hyper_util::client::legacy::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A part of a URL with its `%XX` decoded.
fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part)
        .decode_utf8_lossy()
        .into_owned()
}
