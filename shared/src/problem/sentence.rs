//! The sentences of problems: each names the field and the value, and says what to do. Those of cells that are not of their
//! field's form: see `flawed`.

use serde_json::{Map, Value, json};

use super::{
    Code, Problem,
    phrase::{STRAY_QUOTES, in_words, subject, title},
    quote::{quote, quote_all, quote_list, shown, shown_list},
};
use crate::{
    cell, damage,
    field::Field,
    surplus::{MAX_SURPLUS_BYTES, Surplus},
    text::is_invisible,
};

impl Problem {
    pub(super) fn new(field: impl Into<Option<Field>>, code: Code, message: String) -> Self {
        Self {
            field: field.into(),
            code,
            message,
            params: Map::new(),
        }
    }

    /// With what the sentence says besides field and code; what is null is left out.
    pub(super) fn with<const N: usize>(mut self, params: [(&str, Value); N]) -> Self {
        let params = params.into_iter().filter(|(_, value)| !value.is_null());
        self.params
            .extend(params.map(|(name, value)| (name.to_owned(), value)));
        self
    }

    /// Stray quotes in a cell that is not mapped; `column` is its name, where it has one.
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

    /// Stray quotes in a row whose cells are not known to have any.
    pub fn malformed_quotes_somewhere() -> Self {
        let message =
            "The row has double quotes (\") in the wrong place: remove the double quotes from its cells.";
        Self::new(None, Code::MalformedQuotes, message.to_owned())
    }

    /// A value that is a whole line of the file.
    pub fn whole_line(field: Field, cell: &str, code: Code) -> Self {
        let message = format!(
            "{} is a whole line in one cell: put each value into its own column (in Excel: Data > Text to Columns), or remove the double \
             quotes (\") around the line in a text editor.",
            subject(field, cell)
        );
        Self::new(field, code, message).with([("value", json!(shown(cell::trim(cell))))])
    }

    /// A row that holds the names of its columns, as where lists with their headers were joined; `cell` is that of the
    /// e-mail address.
    pub fn header_again(cell: &str) -> Self {
        let message = format!(
            "{} is the name of a column, so this row is a header like the first line of the file: delete this row.",
            subject(Field::Email, cell)
        );
        Self::new(Field::Email, Code::InvalidFormat, message)
            .with([("value", json!(shown(cell::trim(cell))))])
    }

    /// IDs with thousands separators: without the separators they are IDs of the tenant, with them they read as other
    /// IDs.
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

    /// IDs of a cell that are unknown, inactive, another tenant's, or not numbers. Does not tell which of these.
    pub fn unknown_reference(field: Field, ids: &[String]) -> Self {
        let (what, page) = match field {
            Field::Role => ("an active role", "Users > Roles in the Dialer"),
            Field::Desks => ("a desk", "Users > User Desks in the Dialer"),
            Field::SkillGroups => ("a skill group", "Users > Skill Groups in the Dialer"),
            _ => ("a tag", "the Dialer"),
        };
        let are_names = ids.iter().all(|id| {
            id.chars().any(char::is_alphabetic) && !damage::is_error_value(id) && !damage::is_number(id)
        });
        let (is_not, typed) = match (ids.len(), are_names) {
            (1, true) => (
                format!("is not the ID of {what} of this tenant, but looks like a name"),
                "its ID",
            ),
            (1, false) => (format!("is not the ID of {what} of this tenant"), "the ID"),
            (_, true) => (
                format!(
                    "are not IDs of {}s of this tenant, but look like names",
                    what_of_many(what)
                ),
                "their IDs",
            ),
            (_, false) => (
                format!("are not IDs of {}s of this tenant", what_of_many(what)),
                "the IDs",
            ),
        };
        let advice = if are_names {
            let it_stands = if ids.len() == 1 { "it stands" } else { "they stand" };
            format!("choose what {it_stands} for when mapping the fields, or type {typed} from {page}")
        } else {
            format!("copy {typed} from {page}")
        };
        let message = format!(
            "{} {} {is_not}: {advice}.{}",
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

    /// A username or e-mail address that is in an earlier row, written there as `other`.
    pub fn duplicate_in_file(field: Field, value: &str, other: &str, row: u32, line: u32) -> Self {
        let subject = subject(field, value);
        let (typed, there) = (cell::trim(value), cell::trim(other));
        let remark = if typed == there {
            String::new()
        } else if typed.to_lowercase() == there.to_lowercase() {
            format!(" as {} (upper and lower case count as the same)", quote(there))
        } else {
            format!(" as {}, which counts as the same", quote(there))
        };
        let message = format!(
            "{subject} is already in line {line} of the uploaded file (row {row}){remark}: delete this row if it is the same person, \
             else give it another {}.",
            name_of(field)
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
            "{subject} is taken by a user of the Dialer: delete this row if it is the same person, else give it another {}.",
            name_of(field)
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

    /// A virtual extension that is in an earlier row.
    pub fn extension_taken_by_row(value: &str, row: u32, line: u32) -> Self {
        let subject = subject(Field::VirtualExtension, value);
        let message = format!(
            "{subject} is already in line {line} of the uploaded file (row {row}): choose another number."
        );
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
            "No virtual extension can be generated, because {why}: {remedy}, or type a number into the column of the virtual \
             extensions, if one is chosen."
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
        let between = if separator == "semicolon" { '|' } else { ';' };
        let message = format!(
            "The row has text {what}{cells}: perhaps a {separator} inside a value moved the cells. Put each value back into its \
             column, and several IDs into one cell with {between} between them. The error report leaves out what is beyond: take it \
             from here."
        );
        Self::new(None, Code::WrongColumnCount, message).with([("surplus", json!(count))])
    }
}

/// Without the article, for the plural.
fn what_of_many(what: &str) -> &str {
    what.split_once(' ').map_or(what, |(_, noun)| noun)
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
    if ids.iter().any(|id| id.contains(is_invisible)) {
        " There is an invisible character in it: clear the cell and type it again."
    } else if ids.iter().any(is_changed) {
        " It looks like a number that a spreadsheet has changed: format the column as text and type the ID again."
    } else if ids.iter().any(is_parted) {
        " Put ; between several IDs."
    } else if ids.iter().any(has_zeros) {
        " IDs have no leading zeros."
    } else {
        ""
    }
}

/// The name of a field after "give it another".
fn name_of(field: Field) -> &'static str {
    match field {
        Field::Email => "email address",
        _ => field.label(),
    }
}
