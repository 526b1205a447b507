//! Which of a row's cells belong to the file's own columns, and which to those that our reports append.

use std::str::FromStr;

use super::{passwords::Passwords, rows::Row};
use crate::{
    cell,
    limits::Limits,
    names,
    outcome::Outcome,
    problem::Code,
    rejection::{Rejection, RejectionCode},
    surplus::Surplus,
};

/// The index in [`names::REPORT_COLUMNS`] of the codes of errors.
const CODES: usize = 3;

/// How many of [`names::REPORT_COLUMNS`], the first, have a cell in every row of our error CSV whatever people take out
/// of it: row, line and result.
const NEVER_BLANK: usize = 3;

/// The columns of a file that are not those that our reports append.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) names: Vec<String>,
    /// The position of each of them in a row of the file, from 0.
    pub(super) positions: Vec<usize>,
    /// The position of each column of our reports, from 0, and its index in [`names::REPORT_COLUMNS`].
    report: Vec<(usize, usize)>,
    /// How many columns the header has in the file.
    pub(super) width: usize,
    /// Its columns of passwords.
    pub(super) passwords: Passwords,
}

impl Layout {
    pub(super) fn of(header: &Row, limits: &Limits) -> Result<Self, Rejection> {
        let mut layout = Self {
            names: Vec::new(),
            positions: Vec::new(),
            report: Vec::new(),
            width: header.width,
            passwords: Passwords::of(&header.cells),
        };
        for position in 0..header.width {
            let name = header.cells.get(position).map_or("", String::as_str);
            let normalised = names::normalise(name);
            match names::report_column(&normalised) {
                Some(column) => layout.report.push((position, column)),
                None => {
                    layout.names.push(name.to_owned());
                    layout.positions.push(position);
                }
            }
        }
        let last_named = layout.names.iter().rposition(|name| !cell::is_blank(name));
        let (count, most) = (last_named.map_or(0, |index| index + 1), limits.max_columns);
        if count > most {
            let message = format!(
                "the header in line {} has {count} columns, but at most {most} are allowed: delete those that are not needed",
                header.line
            );
            return Err(Rejection::new(RejectionCode::MalformedCsv, message));
        }
        Ok(layout)
    }

    /// Drops the columns at the end that have neither a name nor a cell in any row; `filled` is how many have a cell.
    /// Spreadsheets save thousands of them, and each would be in every row of the error CSV.
    pub(super) fn cut(&mut self, filled: usize) {
        let named = self.names.iter().rposition(|name| !cell::is_blank(name));
        let width = named.map_or(0, |index| index + 1).max(filled);
        self.names.truncate(width);
        self.positions.truncate(width);
    }

    /// How many of these columns a row fills, up to its last cell that is not empty.
    pub(super) fn filled(&self, row: &[String]) -> usize {
        let cells = self.positions.iter().map_while(|&position| row.get(position));
        let filled = cells.enumerate().filter(|(_, text)| !text.is_empty());
        filled.last().map_or(0, |(column, _)| column + 1)
    }

    /// The columns in which a row has text that is not blank.
    pub(super) fn with_text(&self, row: &[String]) -> impl Iterator<Item = usize> {
        let cells = self.positions.iter().map_while(|&position| row.get(position));
        let with_text = cells.enumerate().filter(|(_, text)| !cell::is_blank(text));
        with_text.map(|(column, _)| column)
    }

    /// Whether our error CSV, uploaded again, says that a row was refused for its quotes.
    pub(super) fn was_malformed(&self, row: &[String]) -> bool {
        let codes = self.report.iter().filter(|&&(_, column)| column == CODES);
        let mut codes = codes.filter_map(|&(position, _)| row.get(position));
        codes.any(|codes| {
            codes
                .split(';')
                .any(|code| cell::trim(code) == Code::MalformedQuotes.as_str())
        })
    }

    /// What a row has beyond these columns: the cells after the header's last, and those in the columns of our reports
    /// if they are not what we write there. Then the row was typed, and a delimiter without quotes moved its last
    /// cells; they must not be lost.
    pub(super) fn surplus(&self, row: &[String], beyond: Surplus) -> Surplus {
        let cell = |position: usize| row.get(position).map_or("", String::as_str);
        let filled: Vec<(usize, &str)> = self
            .report
            .iter()
            .map(|&(position, column)| (column, cell::trim(cell(position))))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        // A file may have a column of the same name in addition to ours.
        let is_missing = |wanted: usize| !filled.iter().any(|&(column, _)| column == wanted);
        let is_report = filled.iter().all(|&(column, text)| is_of_report(column, text))
            && !self
                .report
                .iter()
                .any(|&(_, column)| column < NEVER_BLANK && is_missing(column));
        if filled.is_empty() || is_report {
            return beyond;
        }
        let mut surplus = Surplus::in_report_columns();
        for &(position, _) in &self.report {
            surplus.push(cell(position));
        }
        surplus.append(beyond);
        surplus
    }

    /// The cells of a row by column, without the empty ones at the end.
    pub(super) fn cells(&self, mut row: Vec<String>) -> Vec<String> {
        let mut cells: Vec<String> = self
            .positions
            .iter()
            .map_while(|&position| row.get_mut(position).map(std::mem::take))
            .collect();
        let filled = cells
            .iter()
            .rposition(|text| !text.is_empty())
            .map_or(0, |index| index + 1);
        cells.truncate(filled);
        cells
    }
}

/// Whether our error CSV can have this text in the column of [`names::REPORT_COLUMNS`]. The codes and the sentences are
/// not looked at, because people shorten them.
fn is_of_report(column: usize, text: &str) -> bool {
    match column {
        0 | 1 => text.bytes().all(|byte| byte.is_ascii_digit()),
        2 => Outcome::from_str(&text.to_ascii_lowercase()).is_ok(),
        _ => true,
    }
}
