//! Rejections of a file as a whole, for what it is and what it holds.

use super::{SourceFile, Upload, rows::Row, size::Unit, success_rows};
use crate::{
    cell,
    limits::Limits,
    names,
    problem::quote,
    rejection::{Rejection, RejectionCode},
};

/// The rejection of a file that is known to be too large, as `file_too_large`. Whoever fetches the file can tell from
/// its size alone, before reading any of it.
pub fn too_large(size_bytes: u64, limits: &Limits) -> Rejection {
    let most = limits.max_file_bytes;
    let unit = Unit::of(most);
    let message = format!(
        "the file is {}, but at most {} are allowed: check that it is a CSV file, delete empty rows and columns that are not \
         needed, or split it into several files",
        unit.at_least(size_bytes),
        unit.at_most(most)
    );
    Rejection::new(RejectionCode::FileTooLarge, message)
}

/// Rejects a file with a header but no rows, as `empty_file`.
pub(crate) fn check_any_row(upload: &Upload) -> Result<(), Rejection> {
    if upload.row_count > 0 {
        return Ok(());
    }
    Err(empty(&format!(
        "the file holds a header but no users: its only row, in line {}, was taken for the header. If it is a user, add a line \
         with the names of the columns above it; if not, add a row for each user below it",
        upload.header.line
    )))
}

/// Rejects our own success CSV, as `report_uploaded`: its users exist, and its passwords must not be kept anywhere
/// else.
pub(crate) fn check_report(upload: &Upload) -> Result<(), Rejection> {
    let names: Vec<String> = upload
        .header
        .names
        .iter()
        .map(|name| names::normalise(name))
        .collect();
    if names::is_success_report(&names) {
        return Err(success_report());
    }
    match success_rows::first(&upload.text) {
        Some(line) => Err(Rejection::new(
            RejectionCode::ReportUploaded,
            format!(
                "line {line} looks like a row of the success report (Success Details) of an earlier import, with a temporary password. \
                 If it is, its user exists already: delete all such rows. If it is not, remove the column that looks like passwords"
            ),
        )),
        None => Ok(()),
    }
}

/// The rejection of our own success CSV.
pub fn success_report() -> Rejection {
    let message = "the file is a success report (Success Details). If it is of an import, its users exist already: correct and upload \
                   its error report (Error Details) instead. If it is of a check, nobody exists yet: import the file that was checked";
    Rejection::new(RejectionCode::ReportUploaded, message)
}

/// Rejects a file with more records than allowed, as `too_many_rows`: the last check of a file as a whole.
pub fn check_row_count(file: &SourceFile, limits: &Limits) -> Result<(), Rejection> {
    let (count, most) = (file.record_count, limits.max_rows);
    if count <= most {
        return Ok(());
    }
    let message = format!(
        "the file has {count} rows, but at most {most} are allowed: split it into several files, each with the header on top"
    );
    Err(Rejection::new(RejectionCode::TooManyRows, message))
}

/// The rejection of a header with a quote inside a name, which often is not the name's own but the rest of another cell.
pub(super) fn quote_in_name(header: &Row, column: usize) -> Rejection {
    let message = |name: &str| {
        format!(
            "column {}{name} of the header in line {} has a double quote (\") inside its name: remove the quote",
            column + 1,
            header.line
        )
    };
    let name = header.cells.get(column).map_or("", String::as_str);
    Rejection::new(
        RejectionCode::MalformedCsv,
        message(&format!(" ({})", quote(cell::trim(name)))),
    )
    .with_event_message(message(""))
}

pub(super) fn no_text() -> Rejection {
    empty("the file holds no text: save the list of users again and upload it")
}

pub(super) fn empty(message: &str) -> Rejection {
    Rejection::new(RejectionCode::EmptyFile, message)
}
