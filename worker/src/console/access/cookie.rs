//! The cookie of a session.

use axum::http::{HeaderMap, HeaderValue, header};
use time::Duration;

use crate::console::options::Framing;

/// Its name. Over HTTPS it has a prefix that makes browsers refuse it from other hosts and paths. Source: RFC 6265bis,
/// 4.1.3.
const NAME: &str = "user_import_session";
const SECURE_PREFIX: &str = "__Host-";

/// The value of the session's cookie, if there is one. With TLS, only the name with the prefix counts, which no other
/// host can set.
pub(super) fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let prefix = if is_loopback(headers) { "" } else { SECURE_PREFIX };
    let mut pairs = cookies
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(name, _)| name.strip_prefix(prefix) == Some(NAME))
        .map(|(_, value)| value)
}

/// Whether the browser sends one; its session may have ended.
pub(crate) fn has(headers: &HeaderMap) -> bool {
    read(headers).is_some()
}

/// Sets the cookie. Scripts cannot read it, and it is sent to this site alone, unless others may frame it.
pub(crate) fn set(
    headers: &HeaderMap,
    framing: &Framing,
    value: &str,
    life: Duration,
) -> Option<HeaderValue> {
    HeaderValue::try_from(format!(
        "{}; Max-Age={}",
        attributes(headers, framing, value),
        life.whole_seconds().max(0)
    ))
    .ok()
}

/// Removes the cookie.
pub(crate) fn clear(headers: &HeaderMap, framing: &Framing) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{}; Max-Age=0", attributes(headers, framing, ""))).ok()
}

fn attributes(headers: &HeaderMap, framing: &Framing, value: &str) -> String {
    let (prefix, secure) = if is_loopback(headers) {
        ("", "")
    } else {
        (SECURE_PREFIX, "; Secure")
    };
    let site = match framing {
        Framing::Nowhere => "; SameSite=Strict",
        // Browsers accept these with Secure only, on loopback too.
        Framing::By(_) => "; SameSite=None; Secure; Partitioned",
    };
    let secure = if site.contains("Secure") { "" } else { secure };
    format!("{prefix}{NAME}={value}; Path=/; HttpOnly{secure}{site}")
}

/// Whether the browser runs on this machine, where TLS is not needed. A client that lies about it only gets a cookie of
/// its own that is not Secure.
fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))])
    }

    #[test]
    fn the_cookie_is_as_strict_as_its_place_allows() {
        let framed = Framing::By("https://dialer.example.com".to_owned());
        for (host, framing, expected) in [
            (
                "127.0.0.1:8080",
                Framing::Nowhere,
                "user_import_session=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60",
            ),
            (
                "[::1]:8080",
                Framing::Nowhere,
                "user_import_session=v; Path=/; HttpOnly; SameSite=Strict; Max-Age=60",
            ),
            (
                "import.example.com",
                Framing::Nowhere,
                "__Host-user_import_session=v; Path=/; HttpOnly; Secure; SameSite=Strict; Max-Age=60",
            ),
            (
                "127.0.0.1.example.com",
                framed,
                "__Host-user_import_session=v; Path=/; HttpOnly; SameSite=None; Secure; Partitioned; Max-Age=60",
            ),
        ] {
            let cookie = set(&headers(host), &framing, "v", Duration::minutes(1)).unwrap();
            assert_eq!(cookie, expected, "{host}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let (near, far) = ("localhost:8080", "import.example.com");
        for (host, cookies, value) in [
            (near, "user_import_session=v", Some("v")),
            (far, "user_import_session=v", None),
            (far, "a=b; __Host-user_import_session=v; c=d", Some("v")),
            (
                far,
                "user_import_session=theirs; __Host-user_import_session=v",
                Some("v"),
            ),
            (near, "a=user_import_session", None),
            (near, "xuser_import_session=v", None),
        ] {
            let mut headers = headers(host);
            headers.insert(header::COOKIE, HeaderValue::from_static(cookies));
            assert_eq!(read(&headers), value, "{host}: {cookies}");
        }
    }
}
