//! The sentences of cells that are not of their field's form.

use serde_json::json;

use super::{
    Problem,
    flaw::{Damage, Flaw},
    phrase::{LOST_LETTER, STRAY_QUOTES, character_in_place, subject, title},
    quote::{quote, shown},
};
use crate::{cell, damage, field::Field, text::is_invisible};

impl Problem {
    /// A cell that is not of its field's form.
    pub fn flawed(field: Field, cell: &str, flaw: &Flaw) -> Self {
        let subject = subject(field, cell);
        let message = match flaw {
            Flaw::Quotes => format!("{subject} {STRAY_QUOTES}"),
            Flaw::Blank => required(field),
            Flaw::NoId => format!("{subject} has no ID: {}.", missing(field)),
            Flaw::TooLong { characters, limit } => too_long(&subject, field, cell, *characters, *limit),
            Flaw::ControlCharacter => {
                let separates = cell::trim(cell)
                    .chars()
                    .find(|c| c.is_control())
                    .is_some_and(|c| matches!(c, '\r' | '\n' | '\t'));
                let advice = match field {
                    Field::Role | Field::Desks | Field::SkillGroups | Field::Tags if separates => {
                        "put ; between several IDs"
                    }
                    _ => "clear the cell and type the value again",
                };
                format!("{subject} has {} in it: {advice}.", control_character(cell))
            }
            Flaw::Character { character, position } => {
                refused_character(&subject, field, *character, *position)
            }
            Flaw::MixedScripts { scripts, letter } => format!(
                "{subject} mixes alphabets ({}), whose letters may look alike{}: type it again in one alphabet.",
                scripts.join(", "),
                letter.map_or_else(String::new, |letter| format!("; {}", letter.named()))
            ),
            Flaw::Misread(meant) => format!(
                "{subject} looks like {} after it was read in a wrong encoding: type the {} again, or save the list again from where \
                 it came.",
                quote(meant),
                field.label()
            ),
            Flaw::Nameless => match field {
                Field::Username => format!("{subject} has no letter and no digit: type the username."),
                _ => format!(
                    "{subject} has nothing in it that can be seen: type the name, or leave the cell blank."
                ),
            },
            Flaw::SpreadsheetDamage(damage) => damaged(&subject, *damage, field, cell),
            Flaw::Format(detail) => {
                let what = detail
                    .as_ref()
                    .map_or_else(String::new, |detail| format!(" ({})", detail.what));
                let advice = detail.as_ref().and_then(|detail| detail.advice);
                format!(
                    "{subject} is not {}{what}: {}.",
                    form(field),
                    advice.unwrap_or("correct it")
                )
            }
        };
        let problem =
            Self::new(field, flaw.code(), message).with([("value", json!(shown(cell::trim(cell))))]);
        match flaw {
            Flaw::TooLong { characters, limit } => {
                problem.with([("characters", json!(characters)), ("limit", json!(limit))])
            }
            Flaw::Character { character, position } => problem.with([
                ("character", json!(format!("U+{:04X}", u32::from(*character)))),
                ("position", json!(position)),
            ]),
            Flaw::MixedScripts { scripts, .. } => problem.with([("scripts", json!(scripts))]),
            Flaw::SpreadsheetDamage(damage) => problem.with([("damage", json!(damage.as_str()))]),
            Flaw::Quotes
            | Flaw::Blank
            | Flaw::NoId
            | Flaw::ControlCharacter
            | Flaw::Misread(_)
            | Flaw::Nameless
            | Flaw::Format(_) => problem,
        }
    }
}

/// A character that the field may not have. What cannot be seen cannot be removed from a cell either.
fn refused_character(subject: &str, field: Field, character: char, position: usize) -> String {
    let label = field.label();
    if character == char::REPLACEMENT_CHARACTER {
        return format!("{subject} has {LOST_LETTER}: type the {label} again.");
    }
    let what = character_in_place(character, position);
    if is_invisible(character) {
        return format!("{subject} has {what}: clear the cell and type the {label} again.");
    }
    match field {
        Field::Username => format!("{subject} has {what}: use letters, digits and . _ - @ + only."),
        _ => format!("{subject} has {what}, which is not allowed there: remove it."),
    }
}

/// The first control character of a cell, as people know it.
fn control_character(cell: &str) -> String {
    match cell::trim(cell).chars().find(|c| c.is_control()) {
        Some('\r' | '\n') => "a line break".to_owned(),
        Some('\t') => "a tab".to_owned(),
        Some('\u{1A}') => "an invisible control character (U+001A, Ctrl-Z)".to_owned(),
        Some(c) => format!("an invisible control character (U+{:04X})", u32::from(c)),
        None => "an invisible control character".to_owned(),
    }
}

/// The number of characters is given only where people can count them.
fn too_long(subject: &str, field: Field, cell: &str, characters: usize, limit: usize) -> String {
    if cell::trim(cell).chars().count() == characters {
        return format!(
            "{subject} has {characters} characters, but at most {limit} are allowed: {}.",
            shorter(field)
        );
    }
    let (form, uncounted) = match field {
        Field::SipUri => ("", ", not counting the sip: before it"),
        _ => (" in the form in which it is stored", ""),
    };
    format!(
        "{subject} is too long{form}, at most {limit} characters are allowed{uncounted}: {}.",
        shorter(field)
    )
}

/// What to do where a value is too long: a shortened address is a different one.
fn shorter(field: Field) -> &'static str {
    match field {
        Field::Email => "type one address only, and the right one",
        Field::SipUri => "type one SIP URI only, and the right one",
        _ => "shorten it",
    }
}

fn damaged(subject: &str, damage: Damage, field: Field, cell: &str) -> String {
    let what = if field == Field::Username {
        "username"
    } else {
        "number"
    };
    let looks = match damage {
        Damage::Date => "a date that a spreadsheet made of it",
        Damage::Number if field == Field::Username => "a number that a spreadsheet made of it",
        Damage::Number => "a number that a spreadsheet has changed",
        Damage::ErrorValue => return error_value(subject, field, cell),
    };
    format!(
        "{subject} looks like {looks}: format the column as text, type the {what} again, check the others in the column too, and save."
    )
}

/// An error value, or a number that had no room, in a cell or between the IDs of one.
fn error_value(subject: &str, field: Field, cell: &str) -> String {
    let text = cell::trim(cell);
    let found = |is_one: fn(&str) -> bool| text.split([';', '|', ',']).map(cell::trim).any(is_one);
    if found(damage::is_too_narrow) {
        return format!(
            "{subject} looks as if it was saved from a column that was too narrow: widen the column in the spreadsheet and \
             save the file again, or type the value here."
        );
    }
    let is = if damage::is_error_value(text) {
        "is an error value of a spreadsheet: replace it with the right value"
    } else {
        "has an error value of a spreadsheet in it: replace that with the right value"
    };
    let or_blank = if field.is_required() {
        ""
    } else {
        ", or leave the cell blank"
    };
    format!("{subject} {is}{or_blank}.")
}

fn required(field: Field) -> String {
    format!("{} is blank: {}.", title(field), missing(field))
}

/// What to do where a value is missing.
fn missing(field: Field) -> &'static str {
    match field {
        Field::VirtualExtension => "type a number, or let the Dialer generate the numbers",
        Field::Role => "type the ID of a role in every row, or choose one role for all users",
        _ => "type a value",
    }
}

/// The form of a field, after "is not".
fn form(field: Field) -> &'static str {
    match field {
        Field::Email => "one email address like name@example.com",
        Field::VirtualExtension => "a number of 2 to 10 digits from 0 to 9",
        Field::PbxDevice => "a number of at most 32 digits from 0 to 9",
        Field::SipUri => "a SIP URI like user@host or sip:user@host:5060",
        _ => "of the right form",
    }
}
