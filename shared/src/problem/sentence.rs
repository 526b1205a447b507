//! The sentences of problems, all in one place: each names the field and the value, and says what to do.

use std::borrow::Cow;

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
    /// More characters than allowed.
    TooLong {
        /// How many there are.
        characters: usize,
        /// How many may be.
        limit: usize,
    },
    /// A control character.
    ControlCharacter,
    /// A character that the field may not have.
    Character {
        /// The first of them.
        character: char,
        /// Where it stands, from 1.
        position: usize,
    },
    /// Letters of scripts that are not used together, so that some may look like others.
    MixedScripts(Vec<&'static str>),
    /// Nothing by which people could tell the value.
    Nameless,
    /// What a spreadsheet made of a value.
    SpreadsheetDamage(Damage),
    /// Not of the field's form. Says what is wrong, where that is not plain from the form.
    Format(Option<Cow<'static, str>>),
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
    pub(crate) fn format(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Format(Some(detail.into()))
    }

    /// The code that stands for the flaw.
    pub fn code(&self) -> Code {
        match self {
            Self::Quotes => Code::MalformedQuotes,
            Self::Blank => Code::Required,
            Self::TooLong { .. } => Code::TooLong,
            Self::ControlCharacter | Self::Character { .. } | Self::MixedScripts(_) | Self::Nameless => {
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
            Flaw::TooLong { characters, limit } => {
                format!("{subject} has {characters} characters, {limit} are allowed: shorten it.")
            }
            Flaw::ControlCharacter => match field {
                Field::Role | Field::Desks | Field::SkillGroups | Field::Tags => format!(
                    "{subject} holds a line break or another control character: put ; or | or a comma between several IDs."
                ),
                _ => format!(
                    "{subject} holds a line break or another control character: type the value again."
                ),
            },
            Flaw::Character { character, position } => {
                let what = character_in_place(*character, *position);
                match field {
                    Field::Username => {
                        format!("{subject} holds {what}: use letters, digits and . _ - @ + only.")
                    }
                    _ => format!("{subject} holds {what}, which it may not: remove it."),
                }
            }
            Flaw::MixedScripts(scripts) => format!(
                "{subject} mixes letters of several scripts ({}), some of which look alike: type it again in one of them.",
                scripts.join(", ")
            ),
            Flaw::Nameless => match field {
                Field::Username => format!("{subject} has no letter and no digit: type the username."),
                _ => format!(
                    "{subject} has nothing in it that can be seen: type the name, or leave the cell blank."
                ),
            },
            Flaw::SpreadsheetDamage(damage) => damaged(&subject, *damage, field),
            Flaw::Format(detail) => {
                let detail = detail
                    .as_ref()
                    .map(|detail| format!(" ({detail})"))
                    .unwrap_or_default();
                format!("{subject} is not {}{detail}: correct it.", form(field))
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
            Flaw::MixedScripts(scripts) => problem.with([("scripts", json!(scripts))]),
            Flaw::SpreadsheetDamage(damage) => problem.with([("damage", json!(damage.as_str()))]),
            Flaw::Quotes | Flaw::Blank | Flaw::ControlCharacter | Flaw::Nameless | Flaw::Format(_) => problem,
        }
    }

    /// Quotes that cannot be meant, in a cell that is not mapped; `column` is its name, where it has one.
    pub fn malformed_quotes(column: Option<&str>, cell: &str) -> Self {
        let named = column.map_or_else(|| "without a name".to_owned(), quote_name);
        let message = format!(
            "Column {named} has {}, which {STRAY_QUOTES}",
            quote(cell::trim(cell))
        );
        let params = [
            ("column", json!(column.and_then(shown))),
            ("value", json!(shown(cell::trim(cell)))),
        ];
        Self::new(None, Code::MalformedQuotes, message).with(params)
    }

    /// Quotes that cannot be meant, in a row whose cells are not known to have any.
    pub fn malformed_quotes_somewhere() -> Self {
        let message = "The row has quotes that cannot be meant: put quotes around whole cells only, and write a quote inside \
                       them twice.";
        Self::new(None, Code::MalformedQuotes, message.to_owned())
    }

    /// A value that is a whole line of the file.
    pub fn whole_line(field: Field, cell: &str, code: Code) -> Self {
        let message = format!(
            "{} is a whole line, which stands in quotes as one cell: remove the quotes around the line.",
            subject(field, cell)
        );
        Self::new(field, code, message).with([("value", json!(shown(cell::trim(cell))))])
    }

    /// IDs with thousands separators: without them they are IDs of the tenant, with them others.
    pub fn grouped_ids(field: Field, ids: &[String]) -> Self {
        let message = format!(
            "{} {} has commas between thousands, as a spreadsheet shows a number: type the ID without them, with the column \
             formatted as text.",
            title(field),
            quote_list(ids)
        );
        Self::new(field, Code::SpreadsheetDamage, message)
            .with([("damage", json!("number"))])
            .with(shown_list(ids))
    }

    /// IDs of a cell that are unknown, inactive, another tenant's, or no numbers. Which of these, is not told.
    pub fn unknown_reference(field: Field, ids: &[String]) -> Self {
        let (what, page) = match field {
            Field::Role => ("an active role", ", as on the page Users > Roles"),
            Field::Desks => ("a desk", ", as on the page Users > User Desks"),
            Field::SkillGroups => ("a skill group", ", as on the page Users > Skill Groups"),
            _ => ("a tag", ""),
        };
        let (verb, noun) = if ids.len() == 1 {
            ("is", "the ID")
        } else {
            ("are", "IDs")
        };
        let message = format!(
            "{} {} {verb} not {noun} of {what} of this tenant: copy the ID from the Dialer{page}.{}",
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

    /// A username or e-mail address that stands in an earlier row.
    pub fn duplicate_in_file(field: Field, value: &str, row: u32, line: u32) -> Self {
        let subject = subject(field, value);
        let message = format!(
            "{subject} already stands in row {row} (line {line}): delete this row if it is the same person, else give it \
                 another {}.",
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
        let message = format!("{subject} already stands in row {row} (line {line}): choose another number.");
        Self::new(Field::VirtualExtension, Code::ExtensionTaken, message).with([
            ("value", json!(shown(cell::trim(value)))),
            ("other_row", json!(row)),
            ("other_line", json!(line)),
        ])
    }

    /// No number is left to generate from the first to the last of the range; without a range there never was one.
    pub fn extension_range_exhausted(range: Option<(&str, &str)>) -> Self {
        let message = match range {
            Some((first, last)) => format!(
                "Virtual extension cannot be generated, because no number from {first} to {last} is free: widen the tenant's \
                 range, or put a number into the file."
            ),
            None => "Virtual extension cannot be generated, because the tenant has no range of numbers: set one in \
                     the Dialer, or put a number into the file."
                .to_owned(),
        };
        let (first, last) = range.unzip();
        Self::new(Field::VirtualExtension, Code::ExtensionRangeExhausted, message)
            .with([("first", json!(first)), ("last", json!(last))])
    }

    /// Cells that no column can take.
    pub fn wrong_column_count(surplus: &Surplus) -> Self {
        let count = surplus.count;
        let what = match (surplus.in_report_columns, count) {
            (true, _) => {
                "has text in the columns of our error report, from \"Import Row\" on, that is not of a report"
                    .to_owned()
            }
            (false, 1) => "has 1 more cell than the header has columns".to_owned(),
            (false, _) => format!("has {count} more cells than the header has columns"),
        };
        let cells = if surplus.kept.is_empty() {
            String::new()
        } else {
            format!(" ({})", quote_all(&surplus.kept, count, MAX_SURPLUS_BYTES))
        };
        let message = format!(
            "The row {what}{cells}: a delimiter inside a value may have moved the cells after it. Put quotes around the \
             value that holds it, or remove what does not belong there."
        );
        Self::new(None, Code::WrongColumnCount, message).with([("surplus", json!(count))])
    }
}

/// After field and value.
const STRAY_QUOTES: &str = "has quotes that cannot be meant: put quotes around the whole cell only, and write a quote \
                            inside it twice.";

/// A character as people find it: as it is and by its code point, with its place.
pub(crate) fn character_in_place(character: char, position: usize) -> String {
    let code_point = format!("U+{:04X}", u32::from(character));
    let shown = match character {
        ' ' => "a blank".to_owned(),
        '\'' => "an apostrophe (\"'\")".to_owned(),
        c if is_invisible(c) => format!("an invisible character ({code_point})"),
        c if c.is_whitespace() => format!("a blank of another kind ({code_point})"),
        c if c.is_ascii() => quote_name(&c.to_string()),
        c => format!("{} ({code_point})", quote_name(&c.to_string())),
    };
    format!("{shown} as character {position}")
}

fn damaged(subject: &str, damage: Damage, field: Field) -> String {
    match damage {
        Damage::Number | Damage::Date => {
            let made = if damage == Damage::Date {
                "a date"
            } else {
                "another number"
            };
            let what = if field == Field::Username {
                "username"
            } else {
                "number"
            };
            format!(
                "{subject} was changed by a spreadsheet, which took it for {made}: format the column as text, type the \
                 {what} again and save."
            )
        }
        Damage::ErrorValue => {
            let or_blank = if field.is_required() {
                ""
            } else {
                ", or leave the cell blank"
            };
            format!("{subject} is an error value of a spreadsheet: replace it by the value{or_blank}.")
        }
    }
}

/// Where the cause of wrong IDs can be seen.
fn id_hint(ids: &[String]) -> &'static str {
    let is_changed = |id: &String| {
        damage::is_number(id)
            || (id.len() > 15 && id.ends_with("000") && id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_parted = |id: &String| {
        let parts = || id.split(|c: char| !c.is_ascii_digit());
        parts().count() > 1 && parts().all(|part| !part.is_empty())
    };
    if ids.iter().any(is_changed) {
        " It looks like a number that a spreadsheet has changed: format the column as text and type the ID again."
    } else if ids.iter().any(is_parted) {
        " Put ; or | or a comma between several IDs."
    } else {
        ""
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
        Field::VirtualExtension => "a number of 2 to 10 digits from 0 to 9",
        Field::PbxDevice => "a number of at most 32 digits from 0 to 9",
        Field::SipUri => "a SIP URI like user@host or sip:user@host:5060",
        _ => "of the right form",
    }
}
