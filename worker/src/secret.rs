//! Secrets as they are handed around: none shows itself in a log.

/// A secret, or a URL with one in it; never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text: only for the client that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// The text, with the inner part hidden of each URL that may hold a password: before an `@`, or in a query.
pub fn without_credentials(text: &str) -> String {
    let mut parts = text.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'))
            .unwrap_or(part.len());
        let (url, rest) = part.split_at(end);
        shown.push_str("://");
        let may_hold_secret = url.contains(['@', '?']) && !url.starts_with(TEMPLATE);
        shown.push_str(if may_hold_secret { HIDDEN } else { url });
        shown.push_str(rest);
    }
    shown
}

const HIDDEN: &str = "[redacted]";

/// How the sentences that say what a URL looks like begin.
const TEMPLATE: &str = "USER:PASSWORD@";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_with_credentials_are_hidden() {
        for (text, shown) in [
            ("no URL", "no URL"),
            ("as amqp://USER:PASSWORD@HOST", "as amqp://USER:PASSWORD@HOST"),
            ("to http://127.0.0.1:9000/b", "to http://127.0.0.1:9000/b"),
            ("'amqp://u:p@h/v' found", "'amqp://[redacted]' found"),
            ("a postgres://u:p@x@h/d, b", "a postgres://[redacted] b"),
            ("postgres://h/d?password=p", "postgres://[redacted]"),
            (
                "amqp://u:p@h https://k:s@h",
                "amqp://[redacted] https://[redacted]",
            ),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}

/// The encrypted seed of an attempt's passwords, as it is stored in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSeed {
    /// Which key of the ring opens it.
    pub key_id: String,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}
