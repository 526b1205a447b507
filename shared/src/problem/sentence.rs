//! The sentences of problems, all in one place: each names the field and the value, and says what to do.

use super::{
    Code, Problem,
    quote::{quote, quote_all, quote_list, quote_name},
};
use crate::{
    assess::ExtensionRange,
    cell,
    field::Field,
    file::{MAX_SURPLUS_BYTES, Surplus},
};

/// Why a text is not a value of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing but blanks.
    Blank,
    /// More characters than allowed.
    TooLong {
        /// How many there are.
        characters: usize,
        /// How many may be.
        limit: usize,
    },
    /// A control character.
    ControlCharacter,
    /// A character that the field may not have: the first of them.
    Character(char),
    /// A number as spreadsheets change it.
    SpreadsheetDamage,
    /// Not of the field's form. Says what is wrong, where that is not plain from the form.
    Format(Option<&'static str>),
}

impl Flaw {
    /// The code that stands for the flaw.
    pub fn code(&self) -> Code {
        match self {
            Self::Blank => Code::Required,
            Self::TooLong { .. } => Code::TooLong,
            Self::ControlCharacter | Self::Character(_) => Code::InvalidCharacters,
            Self::SpreadsheetDamage => Code::SpreadsheetDamage,
            Self::Format(_) => Code::InvalidFormat,
        }
    }
}

impl Problem {
    fn new(field: impl Into<Option<Field>>, code: Code, message: String) -> Self {
        Self {
            field: field.into(),
            code,
            message,
        }
    }

    /// A cell that is not of its field's form.
    pub fn flawed(field: Field, cell: &str, flaw: &Flaw) -> Self {
        let subject = subject(field, cell);
        let message = match flaw {
            Flaw::Blank => required(field),
            Flaw::TooLong { characters, limit } => {
                format!("{subject} has {characters} characters, {limit} are allowed: shorten it.")
            }
            Flaw::ControlCharacter => {
                format!("{subject} holds a control character or a line break: type the value again.")
            }
            Flaw::Character(c) => match field {
                Field::Username => format!(
                    "{subject} holds {}: use letters, digits and . _ - @ + only.",
                    quote_name(&c.to_string())
                ),
                _ => format!(
                    "{subject} holds {}, which it may not: remove it.",
                    quote_name(&c.to_string())
                ),
            },
            Flaw::SpreadsheetDamage => format!(
                "{subject} was changed by a spreadsheet: format the column as text, type the number again and save."
            ),
            Flaw::Format(detail) => {
                let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                format!("{subject} is not {}{detail}: correct it.", form(field))
            }
        };
        Self::new(field, flaw.code(), message)
    }

    /// IDs of a cell that are unknown, inactive, another tenant's, or no numbers. Which of these, is not told.
    pub fn unknown_reference(field: Field, ids: &[String]) -> Self {
        let (what, page) = match field {
            Field::Role => ("an active role", ", as on the page Users > Roles"),
            Field::Desks => ("a desk", ", as on the page Users > User Desks"),
            Field::SkillGroups => ("a skill group", ", as on the page Users > Skill Groups"),
            _ => ("a tag", ""),
        };
        let verb = if ids.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{} {} {verb} not the ID of {what} of this tenant: copy the ID from the Dialer{page}.",
            title(field),
            quote_list(ids)
        );
        Self::new(field, Code::UnknownReference, message)
    }

    /// The PBX domain of the job, which is not the tenant's any more. A problem of the row as such: no column holds it.
    pub fn unknown_pbx_domain(id: &str) -> Self {
        let message = format!(
            "PBX domain {} is not the ID of a PBX domain of this tenant: import the row again with another one.",
            quote(id)
        );
        Self::new(None, Code::UnknownReference, message)
    }

    /// A username or e-mail address that stands in an earlier row.
    pub fn duplicate_in_file(field: Field, value: &str, row: u32, line: u32) -> Self {
        let subject = subject(field, value);
        let message =
            format!("{subject} already stands in row {row} (line {line}): keep one of the two rows.");
        Self::new(field, Code::DuplicateInFile, message)
    }

    /// A username or e-mail address that is taken in the Dialer.
    pub fn already_exists(field: Field, value: &str) -> Self {
        let subject = subject(field, value);
        let message = format!(
            "{subject} is taken by a user of the Dialer: remove the row if it is the same person, else choose \
             another {}.",
            field.label()
        );
        Self::new(field, Code::AlreadyExists, message)
    }

    /// A virtual extension that is in use in the Dialer.
    pub fn extension_taken(value: &str) -> Self {
        let subject = subject(Field::VirtualExtension, value);
        let message = format!("{subject} is in use in the Dialer: choose another number.");
        Self::new(Field::VirtualExtension, Code::ExtensionTaken, message)
    }

    /// A virtual extension that stands in an earlier row.
    pub fn extension_taken_by_row(value: &str, row: u32, line: u32) -> Self {
        let subject = subject(Field::VirtualExtension, value);
        let message = format!("{subject} already stands in row {row} (line {line}): choose another number.");
        Self::new(Field::VirtualExtension, Code::ExtensionTaken, message)
    }

    /// No number is left to generate; without a range there never was one.
    pub fn extension_range_exhausted(range: Option<&ExtensionRange>) -> Self {
        let message = match range {
            Some(range) => format!(
                "Virtual extension cannot be generated, because no number from {} to {} is free: widen the tenant's \
                 range, or put a number into the file.",
                range.first(),
                range.last()
            ),
            None => "Virtual extension cannot be generated, because the tenant has no range of numbers: set one in \
                     the Dialer, or put a number into the file."
                .to_owned(),
        };
        Self::new(Field::VirtualExtension, Code::ExtensionRangeExhausted, message)
    }

    /// Cells beyond the last column of the header.
    pub fn wrong_column_count(surplus: &Surplus) -> Self {
        let cells = if surplus.count == 1 { "cell" } else { "cells" };
        let message = format!(
            "The row has {} more {cells} than the header has columns: {}. Put quotes around a value that holds \
             the delimiter, or remove what does not belong there.",
            surplus.count,
            quote_all(&surplus.kept, surplus.count, MAX_SURPLUS_BYTES)
        );
        Self::new(None, Code::WrongColumnCount, message)
    }
}

/// Field and value, at the beginning of a sentence.
fn subject(field: Field, value: &str) -> String {
    format!("{} {}", title(field), quote(cell::trim(value)))
}

fn title(field: Field) -> String {
    let label = field.label();
    let mut characters = label.chars();
    characters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), characters.as_str())
    })
}

fn required(field: Field) -> String {
    let what = match field {
        Field::VirtualExtension => "type a number, or let the Dialer generate the numbers",
        Field::Role => "type the ID of at least one role",
        _ => "type a value",
    };
    format!("{} is blank: {what}.", title(field))
}

/// The form of a field, after "is not".
fn form(field: Field) -> &'static str {
    match field {
        Field::Email => "one e-mail address like name@example.com",
        Field::VirtualExtension => "a number of 2 to 10 digits",
        Field::PbxDevice => "a number of at most 32 digits",
        Field::SipUri => "a SIP URI like user@host or sip:user@host:5060",
        _ => "of the right form",
    }
}
