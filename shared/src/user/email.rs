//! E-mail addresses.

use email_address::{EmailAddress, Options};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::{brackets, check_controls, check_length, check_raw_length, domain, script, trimmed};
use crate::{
    cell,
    problem::{Flaw, LOST_LETTER, Letter, character_in_place, named},
    text::is_invisible,
};

/// Most characters before the `@`. Source: RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL_CHARS: usize = 64;

/// One e-mail address with its domain in ASCII form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    address: String,
    key: String,
}

impl Email {
    /// Most characters, with the domain in ASCII form. Source: RFC 3696, erratum 1690.
    pub const MAX_CHARS: usize = 254;

    /// Reads a cell: an ASCII dot-atom, `@`, and a domain with a dot. An international domain is turned into its
    /// ASCII form.
    ///
    /// ```
    /// use shared::user::Email;
    ///
    /// let ada = Email::parse("Ada@BÜCHER.example").unwrap();
    /// assert_eq!(ada.as_str(), "Ada@xn--bcher-kva.example");
    /// assert!(Email::parse("ada@").is_err());
    /// ```
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        check_raw_length(text, Self::MAX_CHARS)?;
        let ascii = ascii_form(text);
        check_length(ascii.as_deref().unwrap_or(text).chars().count(), Self::MAX_CHARS)?;
        check_controls(text)?;
        // The form of a domain drops characters that cannot be seen; nobody would find the user by what was typed.
        let is_visible = !text.contains(is_invisible);
        match ascii {
            Some(address)
                if is_visible
                    && !text.starts_with(TEXT_MARKER)
                    && mixed_scripts(text).is_none()
                    && is_address(&address) =>
            {
                Ok(Self {
                    key: address.to_ascii_lowercase(),
                    address,
                })
            }
            ascii => Err(what_is_wrong(text, ascii.as_deref().unwrap_or(text))),
        }
    }

    /// The address as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// The address without regard to case. Unique in a tenant.
    pub fn key(&self) -> &str {
        &self.key
    }
}

fn ascii_form(text: &str) -> Option<String> {
    let (local, name) = text.rsplit_once('@')?;
    Some(format!("{local}@{}", domain::to_ascii(name)?))
}

/// The scripts of a label of the domain that mixes several, and a letter of the address that differs: letters that look alike
/// make it another domain.
fn mixed_scripts(text: &str) -> Option<(Vec<&'static str>, Option<Letter>)> {
    let (local, name) = text.rsplit_once('@')?;
    let mut before = local.chars().count() + 1;
    for label in domain::labels(name) {
        if let Some(scripts) = script::mixed(label) {
            let letter = script::rarest(label).map(|letter| Letter {
                position: before + letter.position,
                ..letter
            });
            return Some((scripts, letter));
        }
        before += label.chars().count() + 1;
    }
    None
}

/// What marks a cell as text in a spreadsheet. An address may begin with it, but none does.
const TEXT_MARKER: char = '\'';

/// The crate also accepts quoted and non-ASCII local parts, so these are checked in addition.
fn is_address(ascii: &str) -> bool {
    let options = Options::default()
        .without_display_text()
        .without_domain_literal()
        .with_required_tld();
    let Some((_, name)) = ascii.rsplit_once('@') else {
        return false;
    };
    ascii.is_ascii()
        && !ascii.starts_with('"')
        && domain::has_dns_length(name)
        && EmailAddress::parse_with_options(ascii, options).is_ok()
}

/// What keeps a text, or its ASCII form, from being an address. The reasons are told apart because each needs a
/// different correction.
fn what_is_wrong(given: &str, ascii: &str) -> Flaw {
    if let Some(detail) = brackets(given) {
        return Flaw::Format(Some(detail));
    }
    if given.starts_with(TEXT_MARKER) {
        return Flaw::format_with(
            "it begins with an apostrophe, which spreadsheets put before text",
            "remove the apostrophe",
        );
    }
    let find = |is_meant: fn(char) -> bool| given.chars().enumerate().find(|&(_, c)| is_meant(c));
    if let Some((position, c)) = find(is_invisible) {
        let what = format!("it has {}", character_in_place(c, position + 1));
        return Flaw::format_with(what, "clear the cell and type the address again");
    }
    if given.contains(char::REPLACEMENT_CHARACTER) {
        return Flaw::format_with(format!("there is {LOST_LETTER}"), "type the address again");
    }
    if given
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("mailto"))
    {
        return Flaw::format_with("the address begins with mailto:", "remove mailto:");
    }
    if given.matches('@').count() > 1 {
        return Flaw::format_with("there is more than one @ in it", "keep one address only");
    }
    let is_one = given.contains('@');
    if is_one && let Some(last) = given.chars().last().filter(|last| ".,;:".contains(*last)) {
        return Flaw::format_with(format!("there is a \"{last}\" at its end"), "remove it");
    }
    if is_one && let Some((position, c)) = find(cell::is_space) {
        let what = format!("there is {} in it (character {})", named(c), position + 1);
        return Flaw::format_with(what, "keep only the address, without a name, a remark or a space");
    }
    if let Some((local, _)) = given
        .rsplit_once('@')
        .filter(|(local, _)| local.chars().count() <= MAX_LOCAL_CHARS)
        // As people see it: an accent that stands by itself in the file is one letter to them.
        && let Some((position, c)) = ComposingNormalizerBorrowed::new_nfc()
            .normalize(local)
            .chars()
            .enumerate()
            .find(|(_, c)| !c.is_ascii())
    {
        let what = character_in_place(c, position + 1);
        return Flaw::format(format!(
            "the part before @ has {what}; it may only have letters a-z, digits and {LOCAL_MARKS}"
        ));
    }
    if let Some((scripts, letter)) = mixed_scripts(given) {
        return Flaw::format_with(
            format!(
                "the part after @ mixes alphabets ({}), whose letters may look alike{}",
                scripts.join(", "),
                letter.map_or_else(String::new, |letter| format!("; {}", letter.named()))
            ),
            "type the address again",
        );
    }
    Flaw::format(plain_reason(ascii))
}

const LOCAL_MARKS: &str = ". ! # $ % & ' * + - / = ? ^ _ ` { | } ~";

fn plain_reason(text: &str) -> &'static str {
    let Some((local, name)) = text.rsplit_once('@') else {
        return "there is no @ in it";
    };
    if local.is_empty() {
        return "there is nothing before @";
    }
    if local.chars().count() > MAX_LOCAL_CHARS {
        return "there are more than 64 characters before @";
    }
    if !local.bytes().all(is_local_byte) {
        return "the part before @ may only have letters a-z, digits and . ! # $ % & ' * + - / = ? ^ _ ` { | } ~";
    }
    if local.split('.').any(str::is_empty) {
        return "the part before @ begins or ends with a dot, or has two in a row";
    }
    if name.is_empty() {
        return "there is nothing after @";
    }
    if name.split('.').any(str::is_empty) {
        return "the part after @ begins or ends with a dot, or has two in a row";
    }
    if name
        .split('.')
        .any(|label| label.chars().count() > domain::MAX_LABEL_CHARS)
    {
        return "a part between two dots after @ is longer than 63 characters";
    }
    if domain::to_ascii(name).is_none() {
        return "the part after @ may only have letters, digits, dots, and hyphens between them";
    }
    if !name.contains('.') {
        return "there is no dot after @";
    }
    "the part after @ is not a domain"
}

/// `atext` of RFC 5322, section 3.2.3, and the dots between such.
fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_with_their_domain_in_ascii() {
        for (cell, address) in [
            (" ann@example.com\u{A0}", "ann@example.com"),
            ("Ann.Lee+x@Example.COM", "Ann.Lee+x@example.com"),
            (
                "a!#$%&'*+-/=?^_`{|}~b@x-y.example",
                "a!#$%&'*+-/=?^_`{|}~b@x-y.example",
            ),
            ("ann@büro.example", "ann@xn--bro-hoa.example"),
            ("ann@BÜRO.example", "ann@xn--bro-hoa.example"),
            ("ann@ex。com", "ann@ex.com"),
            ("ann@r3---sn.example.com", "ann@r3---sn.example.com"),
        ] {
            assert_eq!(Email::parse(cell).unwrap().as_str(), address, "{cell:?}");
        }
    }

    #[test]
    fn keys_are_equal_without_regard_to_case() {
        assert_eq!(
            Email::parse("Ann@BÜRO.Example").unwrap().key(),
            Email::parse("ann@büro.example").unwrap().key()
        );
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        let local = |length| format!("{}@example.com", "a".repeat(length));
        let label = |length| format!("a@{}.com", "b".repeat(length));
        for (cell, detail) in [
            ("ann", "no @"),
            ("@example.com", "nothing before @"),
            ("ann@", "nothing after @"),
            ("ann@example", "no dot after @"),
            ("ann@.example.com", "after @ begins or ends"),
            ("ann@example.com.", "\".\" at its end"),
            ("ann@example.com;", "\";\" at its end"),
            (
                "ann@exam\u{200B}ple.com",
                "an invisible character (U+200B) as character 9",
            ),
            ("\u{430}nn@example.com", "(U+0430) as character 1"),
            ("ann@ex\u{430}mple.com", "character 7, \"\u{430}\", is Cyrillic"),
            ("ann@x.\u{430}dam.com", "mixes alphabets (Cyrillic, Latin)"),
            ("ann@x.\u{430}dam.com", "character 7, \"\u{430}\", is Cyrillic"),
            ("ann@example..com", "two in a row"),
            ("ann@-x.com", "hyphens between"),
            ("ann@x_y.com", "after @ may only"),
            ("ann@ex ample.com", "there is a space in it (character 7)"),
            ("ann @x.com", "there is a space in it (character 4)"),
            (
                "ann@x.com\u{A0}x",
                "a space of another kind (U+00A0) in it (character 10)",
            ),
            ("an\u{FFFD}@example.com", "a letter was lost"),
            ("Ann Lee", "no @"),
            (".ann@example.com", "before @ begins"),
            ("ann.@example.com", "before @ begins"),
            ("a..n@example.com", "two in a row"),
            ("\"ann\"@example.com", "before @ may only"),
            ("zoë@example.com", "before @ has \"ë\" (U+00EB) as character 3"),
            (
                "zoe\u{308}@example.com",
                "before @ has \"ë\" (U+00EB) as character 3",
            ),
            ("'ann@example.com", "it begins with an apostrophe"),
            ("Ann <ann@example.com>", "brackets around it"),
            ("<ann@example.com>", "brackets around it"),
            ("Jörg Müller <jm@x.example>", "brackets around it"),
            ("ann@example.com <Ann>", "a < or > in it"),
            ("Ann <ann@a.com>; Bob <bob@b.com>", "more than one address"),
            ("ann@[192.0.2.1]", "after @ may only"),
            ("ann@a.com,bob@b.com", "more than one @"),
            ("ann@a.com; bob@b.com", "more than one @"),
            ("ann@a@b.com", "more than one @"),
            ("mailto:ann@example.com", "begins with mailto:"),
            ("ann＠example.com", "no @"),
            ("ann@xn--a.com", "after @ may only"),
            (&local(65), "more than 64 characters before @"),
            (&label(64), "longer than 63 characters"),
            ("ann@bücher", "no dot after @"),
        ] {
            let Err(Flaw::Format(Some(found))) = Email::parse(cell) else {
                panic!("{cell:?} passed")
            };
            assert!(found.what.contains(detail), "{cell:?}: {found:?}");
        }
        assert!(Email::parse(&local(64)).is_ok());
        assert!(Email::parse(&label(63)).is_ok());
    }

    #[test]
    fn the_length_counts_in_ascii_form() {
        let of_length = |length: usize| {
            let labels = format!("{0}.{0}.", "b".repeat(61));
            let local = "a".repeat(64);
            let rest = length - local.len() - 1 - labels.len();
            format!("{local}@{labels}{}.{}", "c".repeat(61), "d".repeat(rest - 62))
        };
        assert_eq!(of_length(254).len(), 254);
        assert!(Email::parse(&of_length(254)).is_ok());
        assert_eq!(
            Email::parse(&of_length(255)),
            Err(Flaw::TooLong {
                characters: 255,
                limit: 254
            })
        );
        // Each of these labels is longer in ASCII form.
        let international = format!("ann@{}com", "ü.".repeat(40));
        assert!(international.chars().count() < 254);
        assert!(matches!(Email::parse(&international), Err(Flaw::TooLong { .. })));
        let hostile = format!("ann@{}com", format!("{}.", "漢字".repeat(450)).repeat(11));
        assert_eq!(
            Email::parse(&hostile),
            Err(Flaw::TooLong {
                characters: hostile.chars().count(),
                limit: 254
            })
        );
        assert!(matches!(
            Email::parse(&"a".repeat(300)),
            Err(Flaw::TooLong { .. })
        ));
    }

    #[test]
    fn control_characters_are_named_before_the_form() {
        for cell in ["an\0n@example.com", "ann@exam\nple.com", "ann\u{85}x"] {
            assert_eq!(Email::parse(cell), Err(Flaw::ControlCharacter), "{cell:?}");
        }
    }
}
