//! SIP URIs of users on an external PBX.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{brackets, check_controls, check_length, check_raw_length, domain, trimmed};
use crate::problem::{Detail, Flaw, holds_password};

/// A SIP URI `sip:user@host` or `sips:user@host`, with or without `:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SipUri(String);

impl SipUri {
    /// Most characters, without the scheme.
    pub const MAX_CHARS: usize = 255;

    /// Reads a cell. The scheme may be missing and is `sip:` then; an international host is turned into its ASCII
    /// form. Source: RFC 3261, sections 19.1.1 and 25.1.
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        let (scheme, rest) = split_scheme(text);
        check_raw_length(rest, Self::MAX_CHARS)?;
        let parsed = parse_address(rest, holds_password(text));
        check_length(parsed.as_deref().unwrap_or(rest).chars().count(), Self::MAX_CHARS)?;
        check_controls(text)?;
        parsed
            .map(|address| Self(format!("{scheme}{address}")))
            .map_err(|detail| Flaw::Format(Some(detail)))
    }

    /// The URI with its scheme, as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn split_scheme(text: &str) -> (&'static str, &str) {
    for scheme in ["sip:", "sips:"] {
        if let Some((start, rest)) = text.split_at_checked(scheme.len())
            && start.eq_ignore_ascii_case(scheme)
        {
            return (scheme, rest);
        }
    }
    ("sip:", text)
}

/// `user@host[:port]` in its final form, or what is wrong with it. The reasons are told apart because each needs a
/// different correction.
fn parse_address(text: &str, holds_password: bool) -> Result<String, Detail> {
    let (user, host_and_port) = parts(text, holds_password)?;
    let (host, port) = split_port(host_and_port)?;
    let host = parse_host(host).ok_or("what follows @ is not the name or IP address of a server")?;
    match port {
        Some(port) => Ok(format!(
            "{user}@{host}:{}",
            parse_port(port).ok_or("the port is not from 1 to 65535")?
        )),
        None => Ok(format!("{user}@{host}")),
    }
}

/// The user, which is well-formed, and what follows the `@`.
fn parts(text: &str, holds_password: bool) -> Result<(&str, &str), Detail> {
    if let Some(detail) = brackets(text) {
        return Err(detail);
    }
    if text.starts_with("//") {
        return Err("there is // before the user".into());
    }
    if split_scheme(text).1.len() < text.len() {
        return Err("sip: occurs in it twice".into());
    }
    if has_other_scheme(text) {
        return Err("it begins with another kind of address than sip: or sips:".into());
    }
    let (user, host_and_port) = text.rsplit_once('@').ok_or("there is no @ in it")?;
    if let Some((before, after)) = user.split_once(':') {
        return Err(colon_before_at(before, after, holds_password));
    }
    if user.contains([';', '?']) || host_and_port.contains([';', '?']) {
        return Err(Detail {
            what: "there is a ; or ? in it".into(),
            advice: Some("remove it and what follows, up to the @ or to the end"),
        });
    }
    if user.is_empty() || !user.bytes().all(is_user_byte) {
        return Err(
            "the part before @ may only have letters a-z, digits and - _ . ! ~ * ' ( ) & = + $ , /".into(),
        );
    }
    Ok((user, host_and_port))
}

/// What is wrong where a `:` comes before the `@`: what follows it is a password only if the value is treated as one
/// that holds a password, and so is not repeated.
fn colon_before_at(before: &str, after: &str, holds_password: bool) -> Detail {
    let (what, advice) = if before.contains('@') {
        ("there is more than one @ in it", "keep one address only")
    } else if before.trim().is_empty() || after.is_empty() {
        ("there is a : before the @", "remove the :")
    } else if holds_password {
        (
            "there is a password in it",
            "remove the password and the : before it",
        )
    } else {
        (
            "there is a : before the @",
            "remove the : and everything before it",
        )
    };
    Detail {
        what: what.into(),
        advice: Some(advice),
    }
}

/// Whether a text begins like the URIs that are listed beside SIP URIs in address books, or like one with `//`.
fn has_other_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let is_known = ["tel", "mailto", "im", "xmpp", "h323", "callto"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    is_known || (rest.starts_with("//") && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// `unreserved` and `user-unreserved` of RFC 3261, without the `;` and `?` that begin parameters and headers.
fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,/".contains(&byte)
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    let name_end = if text.starts_with('[') {
        text.find(']').map_or(text.len(), |end| end + 1)
    } else {
        0
    };
    let (address, rest) = text.split_at(name_end);
    match rest.split_once(':') {
        Some((name, port)) if address.is_empty() => Ok((name, Some(port))),
        Some(("", port)) => Ok((address, Some(port))),
        None if address.is_empty() => Ok((rest, None)),
        None if rest.is_empty() => Ok((address, None)),
        Some(_) | None => Err("only a port may follow ]"),
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets. A name never ends in a label of digits, so that a
/// mistyped IPv4 address does not pass for one.
fn parse_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let ascii = domain::to_ascii(host)?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return ascii.parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    domain::has_dns_length(&ascii).then_some(ascii)
}

fn parse_port(port: &str) -> Option<u16> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().filter(|&port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_taken_with_or_without_scheme_and_port() {
        for (cell, uri) in [
            ("ann@pbx.example.com", "sip:ann@pbx.example.com"),
            (" SIP:Ann@PBX.example.com ", "sip:Ann@pbx.example.com"),
            ("SiPs:ann@pbx:5061", "sips:ann@pbx:5061"),
            ("sip:+49.123-(4)@192.0.2.1:5060", "sip:+49.123-(4)@192.0.2.1:5060"),
            ("1001@[2001:DB8::1]", "sip:1001@[2001:db8::1]"),
            ("1001@[::1]:05060", "sip:1001@[::1]:5060"),
            ("ann@büro.example", "sip:ann@xn--bro-hoa.example"),
            ("sip@host", "sip:sip@host"),
        ] {
            assert_eq!(SipUri::parse(cell).unwrap().as_str(), uri, "{cell:?}");
        }
    }

    #[test]
    fn what_is_not_a_plain_uri_is_refused() {
        for (cell, detail) in [
            ("ann", "no @"),
            ("sip:example.com:5060", "no @"),
            ("sip:ann:secret@host", "password"),
            ("ann:@host", "a : before the @"),
            (":ann@host", "a : before the @"),
            ("email:ann@host", "a : before the @"),
            ("Device: ann@host", "a : before the @"),
            ("sip:mail:secret@host", "password"),
            ("ann@host:ben@host", "more than one @"),
            ("http://ann@host", "another kind"),
            ("tel:+49123456", "another kind"),
            ("TEL:+49123@host", "another kind"),
            ("mailto:ann@host", "another kind"),
            ("sip://ann@pbx.example.com", "// before the user"),
            ("//ann@host", "// before the user"),
            ("SIPS://ann@host", "// before the user"),
            ("<sip:ann@host>", "brackets around it"),
            ("\"Ann\" <sip:ann@host>", "brackets around it"),
            ("sip:sip:ann@host", "twice"),
            ("sip:SIPS:ann@host", "twice"),
            ("ann@host;transport=tcp", "; or ?"),
            ("ann@host?subject=x", "; or ?"),
            ("ann;phone-context=x@host", "; or ?"),
            ("@host", "before @"),
            ("zoë@host", "before @"),
            ("a%20b@host", "before @"),
            ("an n@host", "before @"),
            ("a@b@host", "before @"),
            (" sip: ann@host", "before @"),
            ("ann@", "not the name or IP address"),
            ("ann@ho st", "not the name or IP address"),
            ("ann@ho_st", "not the name or IP address"),
            ("ann@host.", "not the name or IP address"),
            ("ann@-host", "not the name or IP address"),
            ("ann@256.0.0.1", "not the name or IP address"),
            ("ann@1.2.3", "not the name or IP address"),
            ("ann@[::1", "not the name or IP address"),
            ("ann@[::g]", "not the name or IP address"),
            ("ann@[192.0.2.1]", "not the name or IP address"),
            ("ann@::1", "not the name or IP address"),
            ("ann@[::1]x", "may follow"),
            ("ann@[::1]x:5060", "may follow"),
            ("ann@host:", "port"),
            ("ann@host:0", "port"),
            ("ann@host:65536", "port"),
            ("ann@host:+80", "port"),
            ("ann@host:80:90", "port"),
        ] {
            let Err(Flaw::Format(Some(found))) = SipUri::parse(cell) else {
                panic!("{cell:?} passed")
            };
            assert!(found.what.contains(detail), "{cell:?}: {found:?}");
        }
    }

    #[test]
    fn the_length_counts_without_the_scheme() {
        let of_length = |length: usize| format!("{}@{}.com", "a".repeat(length - 9), "b".repeat(4));
        assert_eq!(of_length(255).len(), 255);
        assert!(SipUri::parse(&of_length(255)).is_ok());
        assert!(SipUri::parse(&format!("sips:{}", of_length(255))).is_ok());
        assert_eq!(
            SipUri::parse(&of_length(256)),
            Err(Flaw::TooLong {
                characters: 256,
                limit: 255
            })
        );
        assert_eq!(
            SipUri::parse(&format!("\0{}", "a".repeat(255))),
            Err(Flaw::TooLong {
                characters: 256,
                limit: 255
            })
        );
    }

    #[test]
    fn a_host_that_is_far_too_long_is_not_encoded() {
        let hostile = format!("ann@{}com", format!("{}.", "漢字".repeat(450)).repeat(11));
        assert_eq!(
            SipUri::parse(&hostile),
            Err(Flaw::TooLong {
                characters: hostile.chars().count(),
                limit: 255
            })
        );
    }

    #[test]
    fn control_characters_are_named_before_the_form() {
        assert_eq!(SipUri::parse("an\0n@host;x"), Err(Flaw::ControlCharacter));
        assert_eq!(SipUri::parse(""), Err(Flaw::Blank));
    }
}
