//! How the value of a cell is repeated in a sentence: whole enough to be found, never long, never a secret, and
//! without characters that a terminal or a text field would act on.

use std::{fmt::Write as _, net::Ipv6Addr};

use crate::text::is_visible;

/// How many characters of a value are repeated: enough to find it in the file.
const MAX_CHARS: usize = 100;

/// How many values of one cell are repeated.
const MAX_VALUES: usize = 5;

const HIDDEN: &str = "(not repeated here, because it may hold a password)";

/// The value in quotes, shortened and with control characters spelled out; or, if it may hold a password, only that.
/// Which field it is of does not matter, because the cells of a row may be shifted.
pub(super) fn quote(value: &str) -> String {
    if may_hold_password(value) {
        HIDDEN.to_owned()
    } else {
        quote_name(value)
    }
}

/// Like [`quote`], for the name of a column or a single character, which is no secret.
pub(crate) fn quote_name(name: &str) -> String {
    let mut text = String::new();
    spell(&mut text, name, MAX_CHARS, usize::MAX);
    text
}

/// The first of several values of one cell, and how many more there are. Where one of them may hold a password, the
/// others may be the rest of it.
pub(super) fn quote_list(values: &[String]) -> String {
    if values.iter().any(|value| may_hold_password(value)) {
        return HIDDEN.to_owned();
    }
    let mut text = String::new();
    for (index, value) in values.iter().take(MAX_VALUES).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let _infallible = write!(text, "{separator}{}", quote(value));
    }
    let more = values.len().saturating_sub(MAX_VALUES);
    if more > 0 {
        let _infallible = write!(text, " and {more} more");
    }
    text
}

/// All values, which are repeated nowhere else, and so in full as far as `most_bytes` go; `count` says how many there
/// were. They may be of any field, so that each is treated as the one that may hold a secret.
pub(super) fn quote_all(values: &[String], count: usize, most_bytes: usize) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let left = most_bytes.saturating_sub(text.len() + separator.len());
        if left == 0 {
            return text + "…";
        }
        text.push_str(separator);
        if may_hold_password(value) {
            text.push_str(HIDDEN);
        } else {
            spell(&mut text, value, usize::MAX, left);
        }
    }
    if count > values.len() {
        text.push_str(", …");
    }
    text
}

/// Puts the value in quotes at the end of the text, as far as so many characters, and so many bytes for them, go.
fn spell(text: &mut String, value: &str, most_chars: usize, most_bytes: usize) {
    text.push('"');
    let start = text.len();
    for (index, c) in value.chars().enumerate() {
        if index >= most_chars || text.len() - start >= most_bytes {
            text.push('…');
            break;
        }
        if is_visible(c) {
            text.push(c)
        } else {
            text.extend(c.escape_default())
        }
    }
    text.push('"');
}

/// Whether a value may be a SIP URI, or a piece of one, with a password in it. That stands after a colon, which may be
/// escaped, so that no colon may be there but the one after `sip` and the one before a port after `@`; or it stands in a
/// parameter.
/// Source: RFC 3261, section 19.1.1.
fn may_hold_password(value: &str) -> bool {
    let uri = strip_sip_scheme(value).unwrap_or(value);
    let without_port = match uri.rsplit_once('@') {
        Some((user, host)) if !has_colon(user) => strip_port(host),
        Some(_) | None => uri,
    };
    has_colon(without_port) || has_password_parameter(uri)
}

/// All of a host but its port and, where it is an IPv6 address in brackets, that.
fn strip_port(host: &str) -> &str {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => rest,
        Some(_) | None => host,
    };
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    match name.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) | None => name,
    }
}

fn has_colon(text: &str) -> bool {
    text.contains([':', '：', '﹕', '︓']) || text.to_ascii_lowercase().contains("%3a")
}

fn has_password_parameter(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.to_ascii_lowercase();
    ["password", "passwd", "pass", "pwd", "pin", "secret"]
        .iter()
        .any(|name| {
            text.match_indices(name).any(|(start, _)| {
                text.get(start + name.len()..)
                    .is_some_and(|rest| rest.starts_with(['=', '＝']))
            })
        })
}

fn strip_sip_scheme(value: &str) -> Option<&str> {
    ["sip:", "sips:"].into_iter().find_map(|scheme| {
        let (start, rest) = value.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_repeated_in_quotes() {
        for (value, quoted) in [
            ("ann", "\"ann\""),
            ("O'Neil \\ \"Zoë\"", "\"O'Neil \\ \"Zoë\"\""),
            ("a\0b\nc\u{85}d", "\"a\\u{0}b\\nc\\u{85}d\""),
            ("a\u{202E}b\u{2028}", "\"a\\u{202e}b\\u{2028}\""),
            ("sip:ann@example.com:5060", "\"sip:ann@example.com:5060\""),
        ] {
            assert_eq!(quote(value), quoted);
        }
    }

    #[test]
    fn a_long_value_is_shortened_by_characters() {
        assert_eq!(quote(&"ä".repeat(100)), format!("\"{}\"", "ä".repeat(100)));
        assert_eq!(quote(&"ä".repeat(101)), format!("\"{}…\"", "ä".repeat(100)));
    }

    #[test]
    fn a_password_is_never_repeated() {
        for value in [
            "sip:ann:secret@example.com",
            "SIPS:ann:secret@example.com:5061",
            "sip:ann:sec@secret@example.com",
            "sip:ann%3Asecret@example.com",
            "sip:ann：secret@example.com",
            "sip:ann:secret",
            "ann:secret@example.com",
            "ann:secret@pbx.example.com:5060",
            "http://ann:secret@example.com",
            "ann:secret",
            "ann :secret",
            "sip:a:secret@b",
            "ann@host:secret",
            "ann@host:5060:secret",
            "ann@[::1]:secret",
            "ann@[secret:x]",
            "ann@host;password=secret",
            "ann@host;PassWord = secret",
            "sip:ann@host?pwd=secret",
            "password=secret",
            "<sip:ann:secret@host>",
            "sip:sip:secret@host",
        ] {
            assert_eq!(quote(value), HIDDEN, "{value}");
        }
        for value in [
            "ann:1234",
            "sip:ann:1234",
            "ann:5060@host",
            "ann@host:65536",
            "ann@host:123456",
        ] {
            assert_eq!(quote(value), HIDDEN, "{value}");
        }
        for value in [
            "ann@example.com:5060",
            "sip:ann@example.com:5060",
            "ann@[::1]:5060",
            "ann@[::1]",
            "sip:ann",
            "ann",
            "sip://ann@host",
            "ann@host;transport=tcp",
            "pass",
            "compass@host",
        ] {
            assert_eq!(quote(value), format!("\"{value}\""));
        }
    }

    #[test]
    fn the_rest_of_a_password_is_not_repeated_either() {
        let values = ["3".to_owned(), "ann:sec".to_owned(), "ret@host".to_owned()];
        assert_eq!(quote_list(&values), HIDDEN);
        assert_eq!(
            quote_all(&values, 3, 100),
            format!("\"3\", {HIDDEN}, \"ret@host\"")
        );
    }

    #[test]
    fn only_the_first_of_many_values_are_repeated() {
        let values: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
        assert_eq!(
            quote_list(&values),
            "\"1\", \"2\", \"3\", \"4\", \"5\" and 2 more"
        );
        assert_eq!(quote_list(&values[..1]), "\"1\"");
    }
}
