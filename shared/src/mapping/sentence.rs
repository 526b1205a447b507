//! The sentences of rejections that concern columns, all in one place: one for those who may see the file, and one for
//! events, which repeat nothing of it.

use std::collections::BTreeSet;

use crate::{
    cell,
    field::Field,
    file::{Delimiter, Header},
    mapping::Mapping,
    names::{self, Recognised},
    problem::{in_words, quote, quote_name},
    rejection::{Rejection, RejectionCode},
    user::Email,
};
use strum::VariantArray;

/// How many columns are listed.
const MAX_COLUMNS: usize = 12;

const EXAMPLE: &str = "Username, Email, Virtual Extension, Role";

pub(super) fn missing_header(header: &Header) -> Rejection {
    let line = header.line;
    let advice = match (cells_of_one(header), real_header(header)) {
        (Some(advice), _) => advice,
        (None, Some(real)) => format!("line {real} looks like the header: {}", delete_above(real)),
        (None, None) if is_user(header) => {
            // What is there is a person's data, perhaps a password.
            let message = format!(
                "line {line} looks like a user, not like a header: add a header above it, with a name for each column, as {EXAMPLE}"
            );
            return Rejection::new(RejectionCode::MissingHeader, message);
        }
        (None, None) => format!(
            "if line {line} is a title, delete all lines above the header; if it is a user, add a line with the names of the columns \
             above it, as {EXAMPLE}; if it is the header, name its columns so, or map them"
        ),
    };
    let message = |taken: &str| {
        format!(
            "line {line} was taken for the header{taken}, but none of its cells is the name of a field: {advice}"
        )
    };
    Rejection::new(
        RejectionCode::MissingHeader,
        message(&format!(" ({})", listed(header))),
    )
    .with_event_message(message(""))
}

fn delete_above(line: u32) -> &'static str {
    if line == 2 {
        "delete line 1"
    } else {
        "delete the lines above it"
    }
}

/// Whether one of several cells is an email address. Were the columns mapped by such a line, its user would be lost.
fn is_user(header: &Header) -> bool {
    let is_address = |name: &String| Email::parse(name).is_ok();
    header.names.len() > 1 && header.names.iter().any(is_address)
}

/// What to do where all of the header is in one cell.
fn cells_of_one(header: &Header) -> Option<String> {
    let mut named = header.names.iter().filter(|name| !cell::is_blank(name));
    let (only, None) = (named.next()?, named.next()) else {
        let quoted = header
            .names
            .iter()
            .filter(|name| cell::trim(name).starts_with('\''));
        return (quoted.count() > 1).then(|| {
            "the cells stand in single quotes: save the file with double quotes around cells, or with none".to_owned()
        });
    };
    let has_names = |parts: &mut dyn Iterator<Item = &str>| {
        parts
            .filter(|part| names::recognise(&names::normalise(part)).is_some())
            .count()
            > 1
    };
    let delimited = Delimiter::VARIANTS
        .iter()
        .any(|delimiter| has_names(&mut only.split(char::from(delimiter.byte()))));
    if header.has_sep_line && delimited {
        return Some(
            "the line sep= above it names another separator than the rows have: correct or delete that line in a text editor, which \
             shows it where Excel does not"
                .to_owned(),
        );
    }
    if delimited {
        return Some(
            "each line stands in double quotes (\") as one cell: split them into columns in a spreadsheet (in Excel: select column A, \
             then Data > Text to Columns) and save the file again"
                .to_owned(),
        );
    }
    let blanks = ["  ", " "];
    if blanks
        .iter()
        .any(|blank| has_names(&mut only.split(blank).filter(|part| !cell::is_blank(part))))
    {
        return Some(
            "the columns are separated by spaces: save the file with commas, semicolons or tabs between the cells".to_owned(),
        );
    }
    let other = OTHER_SEPARATORS
        .iter()
        .find(|&&other| has_names(&mut only.split(other)))?;
    Some(format!(
        "the columns are separated by \"{other}\": save the file with commas, semicolons or tabs between the cells"
    ))
}

/// Separators that other programs write between cells and that are not supported.
const OTHER_SEPARATORS: [char; 9] = [':', '^', '~', '/', '\u{A6}', '，', '；', '؛', '、'];

/// The line of the row below that looks like the header: it names at least two fields, and more than what was taken for
/// the header, holds no address, and no user stands above it. Nothing there shows the delimiter, so it may have been
/// read as one cell.
fn real_header(header: &Header) -> Option<u32> {
    let named = fields_named(&header.names);
    rows_above_users(header)
        .find(|(_, row)| fields_named(row) > named.max(1))
        .map(|(line, _)| *line)
}

/// How many fields the cells of a row name; where all is one cell, its parts, by the delimiter that gives the most.
fn fields_named(row: &[String]) -> usize {
    let fields = |cells: &mut dyn Iterator<Item = &str>| {
        let names = cells.map(|cell| names::normalise(cell.trim_matches('"')));
        let fields = names.filter_map(|name| names::recognise(&name).map(Recognised::field));
        fields.collect::<BTreeSet<Field>>().len()
    };
    match row {
        [line] => Delimiter::VARIANTS
            .iter()
            .map(|delimiter| fields(&mut line.split(char::from(delimiter.byte()))))
            .max()
            .unwrap_or(0),
        cells => fields(&mut cells.iter().map(String::as_str)),
    }
}

/// The rows below what was taken for the header, as long as no user can stand in them or above them.
fn rows_above_users(header: &Header) -> impl Iterator<Item = &(u32, Vec<String>)> {
    let has_address = |row: &[String]| row.iter().any(|cell| cell.contains('@'));
    let rows = header
        .rows_below
        .iter()
        .filter(move |_| !has_address(&header.names));
    rows.take_while(move |(_, row)| !has_address(row))
}

/// Several columns with the same name, one of which a field needs.
pub(super) fn duplicate_header(header: &Header, columns: &[usize], field: Field) -> Rejection {
    let others = the_others(columns);
    let message = |columns: &str| {
        format!(
            "columns {columns} of the header in line {} have names that count as the same, and only one of them can be the {}: \
             rename or delete {}",
            header.line,
            field.label(),
            others
        )
    };
    told(RejectionCode::DuplicateHeader, header, columns, message)
}

pub(super) fn column_not_found(header: &Header, missing: &[(Field, &str)]) -> Rejection {
    let missing_names: Vec<String> = missing
        .iter()
        .map(|(field, name)| format!("{} for {}", quote(name), field.label()))
        .collect();
    let normalised: Vec<String> = missing.iter().map(|(_, name)| names::normalise(name)).collect();
    let is_missing = |name: &str| normalised.iter().any(|missing| missing == name);
    let real = rows_above_users(header).find(|(_, row)| {
        row.iter()
            .any(|name| !cell::is_blank(name) && is_missing(&names::normalise(name)))
    });
    let advice = match real {
        Some((line, _)) => format!("line {line} looks like the header: {}", delete_above(*line)),
        None => "choose columns that are in the file".to_owned(),
    };
    let message = |taken: &str| {
        format!(
            "the header in line {}{taken} has no column {}: {advice}",
            header.line,
            missing_names.join(", no column ")
        )
    };
    Rejection::new(
        RejectionCode::ColumnNotFound,
        message(&format!(" ({})", listed(header))),
    )
    .with_event_message(message(""))
}

pub(super) fn shared_column(header: &Header, column: usize, one: Field, other: Field) -> Rejection {
    let message = |column: &str| {
        format!(
            "column {column} is mapped to both {} and {}: choose one column for each; if both are the same, copy the column and give \
             the copy another name",
            one.label(),
            other.label()
        )
    };
    told(RejectionCode::MappingConflict, header, &[column], message)
}

/// All of these columns but one.
fn the_others(columns: &[usize]) -> &'static str {
    if columns.len() == 2 {
        "the other one"
    } else {
        "the others"
    }
}

pub(super) fn several_columns(header: &Header, columns: &[usize], field: Field) -> Rejection {
    let others = the_others(columns);
    let message = |columns: &str| {
        format!(
            "columns {columns} could each be the {}: choose one of them, or rename {}",
            field.label(),
            others
        )
    };
    told(RejectionCode::MappingConflict, header, columns, message)
}

pub(super) fn password_column(header: &Header, column: usize, field: Field) -> Rejection {
    let message = |column: &str| {
        format!(
            "column {column} is mapped to {}, but its name says that it holds passwords, and those are never read: choose \
             another column",
            field.label()
        )
    };
    told(RejectionCode::MappingConflict, header, &[column], message)
}

pub(super) fn required_field_unmapped(header: &Header, mapping: &Mapping, missing: &[Field]) -> Rejection {
    let labels: Vec<&str> = missing.iter().map(|field| field.label()).collect();
    let (choose, name) = if missing.len() == 1 {
        ("choose one", "name the column like the field")
    } else {
        ("choose one for each", "name the columns like the fields")
    };
    let instead: Vec<&str> = [
        (
            Field::VirtualExtension,
            "the Dialer can also generate the virtual extensions",
        ),
        (Field::Role, "one role can also be chosen for all users"),
    ]
    .into_iter()
    .filter(|(field, _)| missing.contains(field))
    .map(|(_, instead)| instead)
    .collect();
    let instead = match instead.as_slice() {
        [] => String::new(),
        several => format!("; {}", several.join(", and ")),
    };
    let advice = match real_header(header) {
        // A title may name a field by chance.
        Some(real) => format!("line {real} looks like the header: {}", delete_above(real)),
        None => format!("{choose}, or {name}{instead}"),
    };
    let message = |columns: &str| format!("no column is mapped to {}{columns}: {advice}", labels.join(", "));
    let ignored = mapping.ignored_columns(header);
    let similar: Vec<String> = header
        .names
        .iter()
        .zip(&header.column_numbers)
        .filter(|(_, number)| ignored.contains(number))
        .filter_map(|(name, _)| {
            let field = names::resembles(&names::normalise(name)).filter(|field| missing.contains(field))?;
            Some(format!("; is {} the {}?", quote_name(name), field.label()))
        })
        .collect();
    let full = format!(
        " (the file has the columns {}{})",
        listed(header),
        similar.concat()
    );
    Rejection::new(RejectionCode::RequiredFieldUnmapped, message(&full)).with_event_message(message(""))
}

/// A rejection that names some columns: by position and name, in events by position only.
fn told(
    code: RejectionCode,
    header: &Header,
    columns: &[usize],
    message: impl Fn(&str) -> String,
) -> Rejection {
    let number = |column: &usize| {
        header
            .column_numbers
            .get(*column)
            .copied()
            .unwrap_or_default()
            .to_string()
    };
    let named = |column: &usize| {
        let name = header.names.get(*column).map_or("", String::as_str);
        quote(cell::trim(name))
    };
    let numbers: Vec<String> = columns.iter().take(MAX_COLUMNS).map(number).collect();
    let names: Vec<String> = columns.iter().take(MAX_COLUMNS).map(named).collect();
    let numbers = in_words(&numbers);
    Rejection::new(code, message(&format!("{numbers} ({})", names.join(", "))))
        .with_event_message(message(&numbers))
}

/// The names of the columns, as they are in the file. Where it has no header, they are a user's data.
fn listed(header: &Header) -> String {
    let names = || header.names.iter().filter(|name| !cell::is_blank(name));
    let mut listed: Vec<String> = names()
        .take(MAX_COLUMNS)
        .map(|name| quote(cell::trim(name)))
        .collect();
    let more = names().count().saturating_sub(MAX_COLUMNS);
    if more > 0 {
        listed.push(format!("and {more} more"));
    }
    listed.join(", ")
}
