//! How the value of a cell is repeated in a sentence: whole enough to be found, never long, never a secret, and
//! without characters that cannot be seen or that a terminal or a text field would act on.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::text::is_visible;

/// How many characters of a value are repeated: enough to find it in the file.
const MAX_CHARS: usize = 100;

/// How many values of one cell are repeated.
const MAX_VALUES: usize = 5;

const HIDDEN: &str = "(not repeated here, because it may hold a password)";

/// The value in quotes, shortened and with control characters spelled out; or, if there is a password in it, only that.
/// Which field it is of does not matter, because the cells of a row may be shifted.
pub(crate) fn quote(value: &str) -> String {
    if holds_password(value) {
        HIDDEN.to_owned()
    } else {
        quote_name(value)
    }
}

/// Like [`quote`], for what is not secret: the name that a job gives, a single character.
pub(crate) fn quote_name(name: &str) -> String {
    let mut text = String::new();
    spell(&mut text, name, MAX_CHARS, usize::MAX);
    text
}

/// The first of several values of one cell, and how many more there are. Where one of them may hold a password, the
/// others may be the rest of it.
pub(super) fn quote_list(values: &[String]) -> String {
    if holds_password(&values.join(";")) {
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

/// All values, which are repeated nowhere else, and so in full up to `most_bytes`; `count` says how many there were.
/// They may belong to any field, so each is treated as one that may hold a secret.
pub(super) fn quote_all(values: &[String], count: usize, most_bytes: usize) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        let left = most_bytes.saturating_sub(text.len() + separator.len());
        if left == 0 {
            return text + "…";
        }
        text.push_str(separator);
        if holds_password(value) {
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

/// The value as [`quote`] repeats it, without the quotes; `None` if there is a password in it.
pub(super) fn shown(value: &str) -> Option<String> {
    let quoted = (!holds_password(value)).then(|| quote_name(value))?;
    let shown = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(shown.to_owned())
}

/// The first of several values of one cell, as [`quote_list`] repeats them, and how many more there are, if there are.
pub(super) fn shown_list(values: &[String]) -> [(&'static str, Value); 2] {
    if holds_password(&values.join(";")) {
        return [("ids", Value::Null), ("more", Value::Null)];
    }
    let first: Vec<String> = values
        .iter()
        .take(MAX_VALUES)
        .filter_map(|value| shown(value))
        .collect();
    let more = values.len().checked_sub(MAX_VALUES).filter(|&more| more > 0);
    [("ids", json!(first)), ("more", json!(more))]
}

/// Appends the value in quotes to the text, up to this many characters and this many bytes for them.
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

/// Whether a value is a SIP URI with a password in it, with or without its scheme, or holds one in brackets: the
/// password follows the colon after the user, or is in a parameter.
/// Source: RFC 3261, section 19.1.1.
pub(crate) fn holds_password(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let schemes = ["sip:", "sips:"];
    let after_scheme = schemes
        .iter()
        .filter_map(|scheme| lower.find(scheme).map(|start| start + scheme.len()))
        .min()
        .and_then(|start| value.get(start..));
    let uri = after_scheme.unwrap_or(value).trim();
    let Some((user_info, host)) = uri.rsplit_once('@') else {
        return false;
    };
    if host.is_empty() || (after_scheme.is_none() && has_other_scheme(uri)) {
        return false;
    }
    let user_info = user_info.to_ascii_lowercase().replace("%3a", ":");
    let has_password = user_info.split_once(':').is_some_and(|(user, password)| {
        // Two addresses with a colon between them are not a user with a password.
        let is_user = after_scheme.is_some() || !user.contains('@');
        is_user && !user.trim().is_empty() && !password.is_empty()
    });
    has_password || has_password_parameter(uri)
}

/// Whether a text begins as the URIs of other kinds do, and as the labels that people put before an address.
fn has_other_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let known = [
        "mailto", "smtp", "email", "e-mail", "mail", "tel", "callto", "im", "xmpp", "h323", "http", "https",
    ];
    rest.starts_with(' ')
        || known
            .iter()
            .any(|known| scheme.trim().eq_ignore_ascii_case(known))
}

fn has_password_parameter(text: &str) -> bool {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let text = text.to_ascii_lowercase();
    let mut parameters = text
        .split([';', '?', '&'])
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    parameters.any(|(name, _)| ["password", "passwd", "pass", "pwd", "pin", "secret"].contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sentence_says_is_told_by_name_too() {
        let ids: Vec<String> = (1..8).map(|id| id.to_string()).collect();
        let unknown = crate::problem::Problem::unknown_reference(crate::field::Field::Role, &ids);
        assert_eq!(
            Value::Object(unknown.params),
            json!({"ids": ["1", "2", "3", "4", "5"], "more": 2})
        );
        let quotes = |column| crate::problem::Problem::malformed_quotes(column, "\"a\" b").params;
        assert_eq!(
            Value::Object(quotes(Some("Note"))),
            json!({"column": "Note", "value": "\"a\" b"})
        );
        assert_eq!(Value::Object(quotes(None)), json!({"value": "\"a\" b"}));
        let secret = "sip:ann:geheim@example.com";
        let secret = crate::problem::Problem::already_exists(crate::field::Field::SipUri, secret);
        assert!(secret.params.is_empty(), "{secret:?}");
    }

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
            "ann:secret@example.com",
            "ann:secret@pbx.example.com:5060",
            "sip:a:secret@b",
            "sip:ann@host;password=secret",
            "sip:ann@host;PassWord = secret",
            "sip:ann@host?pwd=secret",
            "<sip:ann:secret@host>",
            "\"Ann\" <sip:ann:secret@host>",
            "sip:sip:secret@host",
        ] {
            assert_eq!(quote(value), HIDDEN, "{value}");
        }
    }

    #[test]
    fn other_values_with_colons_are_repeated() {
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
            "ann:v29",
            "ann@example.com:bob@example.com",
            "mailto:ann@example.com",
            "E-mail: ann@example.com",
            "ext: 0303",
            "Role: 10",
            "12:30",
            "password=x",
        ] {
            assert_eq!(quote(value), format!("\"{value}\""));
        }
    }

    #[test]
    fn a_password_that_was_parted_is_not_repeated_either() {
        let values = ["sip:ann:sec".to_owned(), "ret@host".to_owned()];
        assert_eq!(quote_list(&values), HIDDEN);
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
