//! What several sentences have in common.

use std::borrow::Borrow;

use super::quote::{quote, quote_name};
use crate::{cell, field::Field, text::is_invisible};

/// After field and value.
pub(super) const STRAY_QUOTES: &str = "has double quotes (\") in the wrong place: remove them, and any \\ before them; if they cut a value in two, put both parts \
     back into one cell.";

/// After "there is" and the like.
pub(crate) const LOST_LETTER: &str =
    "a \"\u{FFFD}\" (U+FFFD) where a letter was lost when the file was saved";

/// A character as people find it: as it is and by its code point, with its place.
pub(crate) fn character_in_place(character: char, position: usize) -> String {
    format!("{} as character {position}", named(character))
}

/// A character as it is and by its code point.
pub(crate) fn named(character: char) -> String {
    let code_point = format!("U+{:04X}", u32::from(character));
    match character {
        ' ' => "a space".to_owned(),
        '\'' => "an apostrophe (\"'\")".to_owned(),
        c if is_invisible(c) => format!("an invisible character ({code_point})"),
        c if c.is_whitespace() => format!("a space of another kind ({code_point})"),
        c if c.is_ascii() => quote_name(&c.to_string()),
        c => format!("{} ({code_point})", quote_name(&c.to_string())),
    }
}

/// `1`, `1 and 2`, `1, 2 and 3`.
pub(crate) fn in_words<T: Borrow<str>>(items: &[T]) -> String {
    match items {
        [] => String::new(),
        [one] => one.borrow().to_owned(),
        [others @ .., last] => format!("{} and {}", others.join(", "), last.borrow()),
    }
}

/// Field and value, at the beginning of a sentence.
pub(super) fn subject(field: Field, value: &str) -> String {
    format!("{} {}", title(field), quote(cell::trim(value)))
}

pub(super) fn title(field: Field) -> String {
    let label = field.label();
    let mut characters = label.chars();
    characters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), characters.as_str())
    })
}
