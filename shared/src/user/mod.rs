//! The values of a user. Each can only be made by parsing, so a value that exists is well-formed; whether it is free
//! and known is for [`crate::assess`].

mod domain;
mod email;
mod ids;
mod name;
mod number;
mod script;
mod sip_uri;
mod username;

pub use email::Email;
pub use ids::{IdList, IdNames, parse_ids};
pub use name::Name;
pub use number::{PbxDevice, VirtualExtension};
pub use sip_uri::SipUri;
pub use username::Username;

use crate::{
    cell,
    problem::{Detail, Flaw},
};

/// The trimmed text of a cell, which must not be blank.
fn trimmed(cell: &str) -> Result<&str, Flaw> {
    match cell::trim(cell) {
        "" => Err(Flaw::Blank),
        text => Ok(text),
    }
}

fn check_length(characters: usize, limit: usize) -> Result<(), Flaw> {
    if characters > limit {
        Err(Flaw::TooLong { characters, limit })
    } else {
        Ok(())
    }
}

/// Refuses what is certainly too long before any work on Unicode: expanding ligatures and encoding labels take time
/// that grows faster than the text. Composing makes one character out of four at most, so a text over four times the
/// limit stays over it; except for characters that a domain drops, of which nobody types that many.
/// Source: UAX #15, section 9.1, "expansion factors".
fn check_raw_length(text: &str, limit: usize) -> Result<(), Flaw> {
    let characters = text.chars().count();
    if characters > limit.saturating_mul(4) {
        Err(Flaw::TooLong { characters, limit })
    } else {
        Ok(())
    }
}

/// What is wrong with an address that has `<` or `>`, which address books put around one.
fn brackets(text: &str) -> Option<Detail> {
    if !text.contains(['<', '>']) {
        return None;
    }
    let inside = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let (what, advice) = match inside {
        _ if text.matches('<').count() > 1 => (
            "there is more than one address in it",
            "keep only one of them, without < and >",
        ),
        Some((inside, _)) if inside.contains('@') => (
            "there is a name or brackets around it",
            "keep only the address between < and >",
        ),
        _ => (
            "there is a < or > in it",
            "keep only the address, without < and >",
        ),
    };
    Some(Detail {
        what: what.into(),
        advice: Some(advice),
    })
}

fn check_controls(text: &str) -> Result<(), Flaw> {
    if text.contains(char::is_control) {
        Err(Flaw::ControlCharacter)
    } else {
        Ok(())
    }
}
