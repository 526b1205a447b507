//! Why a text is not a value of its field.

use std::borrow::Cow;

use super::{Code, quote::quote_name};
use crate::misread;

/// Why a text is not a value of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Stray quotes.
    Quotes,
    /// Nothing but blanks.
    Blank,
    /// Nothing but separators of IDs.
    NoId,
    /// More characters than allowed.
    TooLong {
        /// How many there are in the form in which the value is kept.
        characters: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// A control character.
    ControlCharacter,
    /// A character that the field may not have.
    Character {
        /// The first of them, as it was typed.
        character: char,
        /// Its position in the cell, from 1.
        position: usize,
    },
    /// Letters of scripts that are not used together, so that some may look like others; and one that differs.
    MixedScripts {
        /// The names of the scripts.
        scripts: Vec<&'static str>,
        /// The first letter of the rarest of them.
        letter: Option<Letter>,
    },
    /// Text that was once read in a wrong encoding; and what it was.
    Misread(String),
    /// Nothing by which people could recognise the value.
    Nameless,
    /// What a spreadsheet made of a value.
    SpreadsheetDamage(Damage),
    /// Not of the field's form. Says what is wrong, where that is not plain from the form.
    Format(Option<Detail>),
}

/// What is wrong with the form of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// What is wrong.
    pub what: Cow<'static, str>,
    /// What to do, where it is more than to correct the value.
    pub advice: Option<&'static str>,
}

impl From<&'static str> for Detail {
    fn from(what: &'static str) -> Self {
        Self {
            what: what.into(),
            advice: None,
        }
    }
}

/// A letter of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// The letter.
    pub character: char,
    /// Its position, from 1.
    pub position: usize,
    /// The name of the script that it belongs to.
    pub script: &'static str,
}

impl Letter {
    /// Which script it belongs to, as a sentence or a part of one.
    pub(crate) fn named(self) -> String {
        let Self {
            character,
            position,
            script,
        } = self;
        format!(
            "character {position}, {}, is {script}",
            quote_name(&character.to_string())
        )
    }
}

/// What spreadsheets make of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A number with an exponent, a decimal fraction, or digits in groups.
    Number,
    /// A date.
    Date,
    /// An error value such as `#N/A`, or `####`.
    ErrorValue,
}

impl Damage {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::ErrorValue => "error_value",
        }
    }
}

impl Flaw {
    /// A text that must once have been read in a wrong encoding.
    pub(crate) fn check_misread(text: &str) -> Result<(), Self> {
        match misread::meant(text) {
            Some(meant) => Err(Self::Misread(meant)),
            None => Ok(()),
        }
    }

    /// Not of the field's form, for this reason.
    pub(crate) fn format(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Format(Some(Detail {
            what: what.into(),
            advice: None,
        }))
    }

    /// The same, with what to do.
    pub(crate) fn format_with(what: impl Into<Cow<'static, str>>, advice: &'static str) -> Self {
        Self::Format(Some(Detail {
            what: what.into(),
            advice: Some(advice),
        }))
    }

    /// The code that stands for the flaw.
    pub fn code(&self) -> Code {
        match self {
            Self::Quotes => Code::MalformedQuotes,
            Self::Blank | Self::NoId => Code::Required,
            Self::TooLong { .. } => Code::TooLong,
            Self::ControlCharacter
            | Self::Character { .. }
            | Self::MixedScripts { .. }
            | Self::Misread(_)
            | Self::Nameless => Code::InvalidCharacters,
            Self::SpreadsheetDamage(_) => Code::SpreadsheetDamage,
            Self::Format(_) => Code::InvalidFormat,
        }
    }
}
