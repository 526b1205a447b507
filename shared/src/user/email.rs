//! E-mail addresses.

use email_address::{EmailAddress, Options};

use super::{check_controls, check_length, domain, trimmed};
use crate::problem::Flaw;

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
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        let ascii = ascii_form(text);
        check_length(ascii.as_deref().unwrap_or(text).chars().count(), Self::MAX_CHARS)?;
        check_controls(text)?;
        match ascii {
            Some(address) if is_address(&address) => Ok(Self {
                key: address.to_ascii_lowercase(),
                address,
            }),
            _ => Err(Flaw::Format(None)),
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

/// The crate also takes quoted and non-ASCII local parts, which are for the domain and the check before it.
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
        for cell in [
            "ann",
            "@example.com",
            "ann@",
            "ann@example",
            "ann@.example.com",
            "ann@example.com.",
            "ann@example..com",
            "ann@-x.com",
            "ann@x_y.com",
            "ann@ex ample.com",
            "an n@example.com",
            ".ann@example.com",
            "ann.@example.com",
            "a..n@example.com",
            "\"ann\"@example.com",
            "zoë@example.com",
            "Ann <ann@example.com>",
            "<ann@example.com>",
            "ann@[192.0.2.1]",
            "ann@a.com,bob@b.com",
            "ann@a.com; bob@b.com",
            "ann@a@b.com",
            "mailto:ann@example.com",
            "ann＠example.com",
            "ann@xn--a.com",
        ] {
            assert_eq!(Email::parse(cell), Err(Flaw::Format(None)), "{cell:?}");
        }
        let local = |length| format!("{}@example.com", "a".repeat(length));
        assert!(Email::parse(&local(64)).is_ok());
        assert_eq!(Email::parse(&local(65)), Err(Flaw::Format(None)));
        let label = |length| format!("a@{}.com", "b".repeat(length));
        assert!(Email::parse(&label(63)).is_ok());
        assert_eq!(Email::parse(&label(64)), Err(Flaw::Format(None)));
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
