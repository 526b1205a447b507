//! The sentences of problems, all in one place: each names the field and the value, and says what to do.

use std::borrow::{Borrow, Cow};

use serde_json::{Map, Value, json};

use super::{
    Code, Problem,
    quote::{quote, quote_all, quote_list, quote_name, shown, shown_list},
};
use crate::{
    cell, damage,
    field::Field,
    surplus::{MAX_SURPLUS_BYTES, Surplus},
    text::is_invisible,
};

/// Why a text is not a value of its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// Quotes that cannot be meant.
    Quotes,
    /// Nothing but blanks.
    Blank,
    /// Nothing but what stands between IDs.
    NoId,
    /// More characters than allowed.
    TooLong {
        /// How many there are in the form in which the value is kept.
        characters: usize,
        /// How many may be.
        limit: usize,
    },
    /// A control character.
    ControlCharacter,
    /// A character that the field may not have.
    Character {
        /// The first of them, as it was typed.
        character: char,
        /// Where it stands in the cell, from 1.
        position: usize,
    },
    /// Letters of scripts that are not used together, so that some may look like others; and one that differs.
    MixedScripts {
        /// The names of the scripts.
        scripts: Vec<&'static str>,
        /// The first letter of the rarest of them.
        letter: Option<Letter>,
    },
    /// Nothing by which people could tell the value.
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
    /// Where it stands, from 1.
    pub position: usize,
    /// The name of the script that it belongs to.
    pub script: &'static str,
}

impl Letter {
    /// Which script it is of, as a sentence or a part of one.
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
    /// An error value, as `#N/A`, or `####`.
    ErrorValue,
}

impl Damage {
    fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Date => "date",
            Self::ErrorValue => "error_value",
        }
    }
}

impl Flaw {
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
            Self::ControlCharacter | Self::Character { .. } | Self::MixedScripts { .. } | Self::Nameless => {
                Code::InvalidCharacters
            }
            Self::SpreadsheetDamage(_) => Code::SpreadsheetDamage,
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
            params: Map::new(),
        }
    }

    /// With what the sentence says beside field and code; what is null is not said.
    fn with<const N: usize>(mut self, params: [(&str, Value); N]) -> Self {
        let params = params.into_iter().filter(|(_, value)| !value.is_null());
        self.params
            .extend(params.map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// A cell that is not of its field's form.
    pub fn flawed(field: Field, cell: &str, flaw: &Flaw) -> Self {
        let subject = subject(field, cell);
        let message = match flaw {
            Flaw::Quotes => format!("{subject} {STRAY_QUOTES}"),
            Flaw::Blank => required(field),
            Flaw::NoId => format!("{subject} has no ID: {}.", missing(field)),
            Flaw::TooLong { characters, limit } => too_long(&subject, field, cell, *characters, *limit),
            Flaw::ControlCharacter => {
                let advice = match field {
                    Field::Role | Field::Desks | Field::SkillGroups | Field::Tags => {
                        "put ; or | or a comma between several IDs"
                    }
                    _ => "type the value again",
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
            | Flaw::Nameless
            | Flaw::Format(_) => problem,
        }
    }

    /// Quotes that cannot be meant, in a cell that is not mapped; `column` is its name, where it has one.
    pub fn malformed_quotes(column: Option<&str>, cell: &str) -> Self {
        let named = column.map_or_else(
            || "a column without a name".to_owned(),
            |name| format!("column {}", quote(name)),
        );
        let message = format!("The cell {} in {named} {STRAY_QUOTES}", quote(cell::trim(cell)));
        let params = [
            ("column", json!(column.and_then(shown))),
            ("value", json!(shown(cell::trim(cell)))),
        ];
        Self::new(None, Code::MalformedQuotes, message).with(params)
    }

    /// Quotes that cannot be meant, in a row whose cells are not known to have any.
    pub fn malformed_quotes_somewhere() -> Self {
        let message =
            "The row has double quotes (\") in the wrong place: remove the double quotes from its cells.";
        Self::new(None, Code::MalformedQuotes, message.to_owned())
    }

    /// A value that is a whole line of the file.
    pub fn whole_line(field: Field, cell: &str, code: Code) -> Self {
        let message = format!(
            "{} is a whole line, which stands in double quotes (\") as one cell: remove those around the line.",
            subject(field, cell)
        );
        Self::new(field, code, message).with([("value", json!(shown(cell::trim(cell))))])
    }

    /// IDs with thousands separators: without them they are IDs of the tenant, with them others.
    pub fn grouped_ids(field: Field, ids: &[String]) -> Self {
        let (looks, noun) = if ids.len() == 1 {
            ("looks like one ID", "the ID")
        } else {
            ("look like one ID each", "the IDs")
        };
        let parts: Vec<&str> = ids.first().map_or("", String::as_str).split(',').collect();
        let message = format!(
            "{} {} {looks} with commas between thousands, as a spreadsheet shows numbers: type {noun} without commas, in a \
             column formatted as text. If {} are {} IDs, put ; between them.",
            title(field),
            quote_list(ids),
            in_words(&parts),
            if parts.len() == 2 { "two" } else { "several" }
        );
        Self::new(field, Code::SpreadsheetDamage, message)
            .with([("damage", json!("number"))])
            .with(shown_list(ids))
    }

    /// IDs of a cell that are unknown, inactive, another tenant's, or no numbers. Which of these, is not told.
    pub fn unknown_reference(field: Field, ids: &[String]) -> Self {
        let (what, page) = match field {
            Field::Role => ("an active role", "Users > Roles in the Dialer"),
            Field::Desks => ("a desk", "Users > User Desks in the Dialer"),
            Field::SkillGroups => ("a skill group", "Users > Skill Groups in the Dialer"),
            _ => ("a tag", "the Dialer"),
        };
        let (verb, noun) = if ids.len() == 1 {
            ("is", "the ID")
        } else {
            ("are", "IDs")
        };
        let message = format!(
            "{} {} {verb} not {noun} of {what} of this tenant: copy the ID from {page}.{}",
            title(field),
            quote_list(ids),
            id_hint(ids)
        );
        Self::new(field, Code::UnknownReference, message).with(shown_list(ids))
    }

    /// The PBX domain of the job, which is not the tenant's any more. A problem of the row as such: no column holds it.
    pub fn unknown_pbx_domain(id: &str) -> Self {
        let message = format!(
            "PBX domain {} is not the ID of a PBX domain of this tenant: import the row again with another one.",
            quote(id)
        );
        Self::new(None, Code::UnknownReference, message).with([("pbx_domain_id", json!(shown(id)))])
    }

    /// A username or e-mail address that stands in an earlier row, there as `other`.
    pub fn duplicate_in_file(field: Field, value: &str, other: &str, row: u32, line: u32) -> Self {
        let subject = subject(field, value);
        let (typed, there) = (cell::trim(value), cell::trim(other));
        let remark = if typed == there {
            String::new()
        } else if typed.to_lowercase() == there.to_lowercase() {
            ", where upper and lower case count as the same".to_owned()
        } else {
            format!(" as {}, which counts as the same", quote(there))
        };
        let message = format!(
            "{subject} is already in line {line} of the file (row {row}){remark}: delete the row if it is the same person, \
             else give it another {}.",
            field.label()
        );
        Self::new(field, Code::DuplicateInFile, message).with([
            ("value", json!(shown(cell::trim(value)))),
            ("other_row", json!(row)),
            ("other_line", json!(line)),
        ])
    }

    /// A username or e-mail address that is taken in the Dialer.
    pub fn already_exists(field: Field, value: &str) -> Self {
        let subject = subject(field, value);
        let message = format!(
            "{subject} is taken by a user of the Dialer: delete the row if it is the same person, else give it another {}.",
            field.label()
        );
        Self::new(field, Code::AlreadyExists, message).with([("value", json!(shown(cell::trim(value))))])
    }

    /// A virtual extension that is in use in the Dialer.
    pub fn extension_taken(value: &str) -> Self {
        let subject = subject(Field::VirtualExtension, value);
        let message = format!("{subject} is in use in the Dialer: choose another number.");
        Self::new(Field::VirtualExtension, Code::ExtensionTaken, message)
            .with([("value", json!(shown(cell::trim(value))))])
    }

    /// A virtual extension that stands in an earlier row.
    pub fn extension_taken_by_row(value: &str, row: u32, line: u32) -> Self {
        let subject = subject(Field::VirtualExtension, value);
        let message =
            format!("{subject} is already in line {line} of the file (row {row}): choose another number.");
        Self::new(Field::VirtualExtension, Code::ExtensionTaken, message).with([
            ("value", json!(shown(cell::trim(value)))),
            ("other_row", json!(row)),
            ("other_line", json!(line)),
        ])
    }

    /// No number is left to generate from the first to the last of the range; without a range there never was one.
    pub fn extension_range_exhausted(range: Option<(&str, &str)>) -> Self {
        let (why, remedy) = match range {
            Some((first, last)) => (
                format!("no number from {first} to {last} is free"),
                "widen the tenant's range",
            ),
            None => (
                "the tenant has no range of numbers".to_owned(),
                "set one in the Dialer",
            ),
        };
        let message = format!(
            "Virtual extension cannot be generated, because {why}: {remedy}, or put a number into a column of the file and \
             choose that column for the virtual extension."
        );
        let (first, last) = range.unzip();
        Self::new(Field::VirtualExtension, Code::ExtensionRangeExhausted, message)
            .with([("first", json!(first)), ("last", json!(last))])
    }

    /// Cells that no column can take.
    pub fn wrong_column_count(surplus: &Surplus, separator: &str) -> Self {
        let count = surplus.count;
        let what = match (surplus.in_report_columns, count) {
            (true, _) => "in the columns from \"Import Row\" on, which are for our reports".to_owned(),
            (false, 1) => "in 1 cell beyond the last column".to_owned(),
            (false, _) => format!("in {count} cells beyond the last column"),
        };
        let cells = if surplus.kept.is_empty() {
            String::new()
        } else {
            format!(" ({})", quote_all(&surplus.kept, count, MAX_SURPLUS_BYTES))
        };
        let message = format!(
            "The row has text {what}{cells}: perhaps a {separator} inside a value moved the cells. Move them back, or delete \
             what does not belong there."
        );
        Self::new(None, Code::WrongColumnCount, message).with([("surplus", json!(count))])
    }
}

/// After field and value.
const STRAY_QUOTES: &str =
    "has double quotes (\") in the wrong place: remove the double quotes from the cell.";

/// After "there is" and the like.
pub(crate) const LOST_LETTER: &str =
    "a \"\u{FFFD}\" (U+FFFD) where a letter was lost when the file was saved";

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

/// How many characters there are is only told where people can count them.
fn too_long(subject: &str, field: Field, cell: &str, characters: usize, limit: usize) -> String {
    if cell::trim(cell).chars().count() == characters {
        return format!(
            "{subject} has {characters} characters, but at most {limit} are allowed: shorten it."
        );
    }
    let (form, uncounted) = match field {
        Field::SipUri => ("", ", not counting sip:"),
        _ => (" in the form in which it is stored", ""),
    };
    format!("{subject} is too long{form}: at most {limit} characters are allowed{uncounted}. Shorten it.")
}

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
    format!("{subject} looks like {looks}: format the column as text, type the {what} again and save.")
}

/// An error value, or a number that had no room, in a cell or between the IDs of one.
fn error_value(subject: &str, field: Field, cell: &str) -> String {
    let text = cell::trim(cell);
    let found = |is_one: fn(&str) -> bool| text.split([';', '|', ',']).map(cell::trim).any(is_one);
    if found(damage::is_too_narrow) {
        return format!(
            "{subject} looks as if it was saved from a column that was too narrow: widen the column in the spreadsheet and \
             save the file again."
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

/// Where the cause of wrong IDs can be seen.
fn id_hint(ids: &[String]) -> &'static str {
    let is_digits = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    let is_changed =
        |id: &String| damage::is_number(id) || (id.len() > 15 && id.ends_with("000") && is_digits(id));
    let is_parted = |id: &String| {
        let parts = || id.split(|c: char| !c.is_ascii_digit());
        parts().count() > 1 && parts().all(|part| !part.is_empty())
    };
    let has_zeros = |id: &String| id.len() > 1 && id.starts_with('0') && is_digits(id);
    if ids.iter().any(is_changed) {
        " It looks like a number that a spreadsheet has changed: format the column as text and type the ID again."
    } else if ids.iter().any(is_parted) {
        " Put ; or | or a comma between several IDs."
    } else if ids.iter().any(has_zeros) {
        " IDs have no zeros in front."
    } else {
        ""
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
    format!("{} is blank: {}.", title(field), missing(field))
}

/// What to do where a value is missing.
fn missing(field: Field) -> &'static str {
    match field {
        Field::VirtualExtension => "type a number, or let the Dialer generate the numbers",
        Field::Role => "type the ID of at least one role",
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
