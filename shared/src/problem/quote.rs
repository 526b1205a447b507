//! How the value of a cell is repeated in a sentence: whole enough to be found, never long, never a secret, and
//! without characters that a terminal or a text field would act on.

use std::fmt::Write as _;

/// How many characters of a value are repeated: enough to find it in the file.
const MAX_CHARS: usize = 100;

/// How many values of one cell are repeated.
const MAX_VALUES: usize = 5;

const HIDDEN: &str = "(not repeated here, because it may hold a password)";

/// The value in quotes, shortened and with control characters spelled out; or, of a SIP URI with a password in
/// it, only that there is one.
pub(crate) fn quote(value: &str) -> String {
    if strip_sip_scheme(value).is_some_and(may_hold_password) {
        HIDDEN.to_owned()
    } else {
        shortened(value)
    }
}

/// Like [`quote`], for a value that may be a SIP URI without its scheme.
pub(super) fn quote_sip_uri(value: &str) -> String {
    let uri = strip_sip_scheme(value).unwrap_or(value);
    if may_hold_password(uri) {
        HIDDEN.to_owned()
    } else {
        shortened(value)
    }
}

/// The first of several values, and how many more there are.
pub(super) fn quote_list(values: &[String]) -> String {
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
        if may_hold_password(strip_sip_scheme(value).unwrap_or(value)) {
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

fn shortened(value: &str) -> String {
    let mut text = String::new();
    spell(&mut text, value, MAX_CHARS, usize::MAX);
    text
}

/// Control characters, other line breaks, and invisible characters that reorder what stands around them.
/// Source of the latter: Unicode, property `Bidi_Control`.
fn is_visible(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'))
}

/// Whether a SIP URI without its scheme has something before its host that a password could be in: it begins
/// after a colon, which may be escaped. Where the host is missing, only a port may follow on the colon.
/// Source: RFC 3261, section 19.1.1.
fn may_hold_password(uri: &str) -> bool {
    let has_colon = |text: &str| text.contains([':', '：']) || text.to_ascii_lowercase().contains("%3a");
    match uri.rsplit_once('@') {
        Some((user, _)) => has_colon(user),
        None => {
            let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            has_colon(uri)
                && !uri.starts_with('[')
                && !uri.rsplit_once(':').is_some_and(|(_, port)| is_port(port))
        }
    }
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
            ("a:b@example.com", "\"a:b@example.com\""),
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
            "sip:ann:sec@ret@example.com",
            "sip:ann%3Asecret@example.com",
            "sip:ann：secret@example.com",
            "sip:ann:secret",
        ] {
            assert!(!quote(value).contains("sec"), "{value}");
        }
        for value in [
            "ann:secret@example.com",
            "http://ann:secret@example.com",
            "ann:secret",
            "ann:",
            "sip:a:secret@b",
        ] {
            assert!(!quote_sip_uri(value).contains("secret"), "{value}");
        }
        for value in [
            "ann@example.com:5060",
            "example.com:5060",
            "ann@[::1]:5060",
            "[::1]",
            "sip:ann",
            "ann",
        ] {
            assert_eq!(quote_sip_uri(value), format!("\"{value}\""));
        }
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
