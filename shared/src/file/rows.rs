//! From text to rows of cells.
//!
//! csv-core does the tokenising. This layer adds what csv-core leaves to its caller: the physical line of a row (with
//! CR, LF or CRLF, also inside quotes), stray quotes, and bounds on what is kept. It does not know what the cells mean,
//! but removes the formula guard from them, so that no later stage sees the guard.

use std::borrow::Cow;

use csv_core::ReadFieldResult;

use super::{Delimiter, lines::LineCounter, quotes, size::Unit};
use crate::{
    cell, formula,
    limits::Limits,
    rejection::{Rejection, RejectionCode},
    surplus::Surplus,
};

/// Most cells of a header that are read: the columns of an Excel sheet, which some programs save with all their empty
/// cells, and the columns that our reports append.
const MAX_WIDTH: usize = 16_384 + crate::names::REPORT_COLUMNS.len();

/// One row of the file that is not blank.
#[derive(Debug)]
pub(super) struct Row {
    /// Physical line in which the row begins, from 1.
    pub(super) line: u32,
    /// The cells up to the last one that is not empty, without quotes and formula guard.
    pub(super) cells: Vec<String>,
    /// How many cells the row has in the file, empty ones included.
    pub(super) width: usize,
    /// What is beyond the columns that were asked for.
    pub(super) surplus: Surplus,
    /// The index of the first cell that has a quote anywhere but around it: often a sign of another delimiter.
    pub(super) literal_quotes: Option<usize>,
    /// Whether a cell among the columns has stray quotes. Such a cell is kept as its raw text, with its quotes.
    pub(super) malformed_quotes: bool,
    /// The line in which the quote of a cell with line breaks opens, if there is such a cell.
    multiline: Option<u32>,
}

/// Where tokenising had to stop.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) rejection: Rejection,
    /// The row as far as it was read, for the choice of the delimiter: for `Name;"Email` the cell `Name` and a width of
    /// 2, as the cell whose quote is not closed counts in the width only.
    pub(super) row: Box<Row>,
}

/// Reads one row after the other and skips the blank ones.
pub(super) struct Rows<'t> {
    csv: csv_core::Reader,
    delimiter: char,
    text: &'t [u8],
    lines: LineCounter,
    max_cell_bytes: usize,
    buffer: Vec<u8>,
}

impl<'t> Rows<'t> {
    pub(super) fn new(text: &'t str, delimiter: Delimiter, limits: &Limits) -> Self {
        let mut csv = csv_core::ReaderBuilder::new().delimiter(delimiter.byte()).build();
        // csv-core drops a byte order mark before the first field. Ours is already gone, and a second one is text of
        // the cell: an empty line before the text hides it from csv-core.
        csv.read_field(b"\n", &mut [0]);
        // Twice the limit, as every second byte may be a formula guard, plus one byte to detect a cell that is too
        // large.
        let buffer = vec![
            0;
            limits
                .max_cell_bytes
                .saturating_mul(2)
                .min(text.len())
                .saturating_add(2)
        ];
        Self {
            csv,
            delimiter: char::from(delimiter.byte()),
            text: text.as_bytes(),
            lines: LineCounter::new(),
            max_cell_bytes: limits.max_cell_bytes,
            buffer,
        }
    }

    /// The header: the next row, with all its columns.
    pub(super) fn header(&mut self) -> Result<Option<Row>, Malformed> {
        let Some(row) = self.next(MAX_WIDTH)? else {
            return Ok(None);
        };
        if row.width > MAX_WIDTH {
            let message = format!(
                "the header in line {} has {} columns, including empty ones: delete the empty columns at its end",
                row.line, row.width
            );
            return Err(Malformed::new(message, row));
        }
        Ok(Some(row))
    }

    /// The next row that is not blank, with its first `columns` cells; what is beyond them is surplus.
    pub(super) fn next(&mut self, columns: usize) -> Result<Option<Row>, Malformed> {
        loop {
            self.skip_line_breaks();
            if self.text.is_empty() {
                return Ok(None);
            }
            let row = self.read_row(columns)?;
            if row.surplus.count > 0
                || row.malformed_quotes
                || !row.cells.iter().all(|text| cell::is_blank(text))
            {
                return Ok(Some(row));
            }
        }
    }

    /// The same, for rows below a header with this many columns. Rejects the file if a quote has swallowed other rows.
    pub(super) fn next_below(&mut self, columns: usize) -> Result<Option<Row>, Malformed> {
        let row = self.next(columns)?;
        match row {
            Some(row) if row.surplus.count > 0 && row.multiline.is_some() => {
                let line = row.multiline.unwrap_or(row.line);
                Err(Malformed::new(quotes::may_swallow(line), row))
            }
            row => Ok(row),
        }
    }

    fn read_row(&mut self, columns: usize) -> Result<Row, Malformed> {
        let mut row = Row::starting(self.lines.line());
        loop {
            let line = self.lines.line();
            let (delimiter, before) = (self.delimiter, row.width);
            match self.read_cell(before + 1) {
                Ok(cell) => {
                    let swallowed = cell.is_multiline
                        && (cell.malformed_quotes
                            || quotes::has_swallowed(
                                &cell.text,
                                delimiter,
                                before,
                                cell.rest_of_line,
                                &cell.closing_line,
                                columns,
                            )
                            || quotes::would_swallow_in_report(&cell.text));
                    row.malformed_quotes |= cell.malformed_quotes && row.width < columns;
                    row.push(cell.text, columns);
                    if cell.literal_quotes {
                        row.literal_quotes.get_or_insert(before);
                    }
                    if cell.is_multiline {
                        row.multiline.get_or_insert(line);
                    }
                    let ends_row = cell.ends_row;
                    if swallowed {
                        return Err(Malformed::new(quotes::swallows(line), row));
                    }
                    if ends_row {
                        return Ok(row);
                    }
                }
                Err(message) => {
                    row.width += 1;
                    return Err(Malformed::new(message, row));
                }
            }
        }
    }

    /// The next cell, which is in this column, or what is wrong with it.
    fn read_cell(&mut self, column: usize) -> Result<Cell<'_>, String> {
        let line = self.lines.line();
        let (result, read, mut written) = self.csv.read_field(self.text, &mut self.buffer);
        let passed = self.advance(read);

        let mut at_end = false;
        let ends_row = match result {
            ReadFieldResult::Field { record_end } => record_end,
            ReadFieldResult::OutputFull => return Err(self.too_large(line, column)),
            // The text ends without a line break. One more ends the row, unless a quote is still open: then it
            // is one more character of the cell.
            ReadFieldResult::InputEmpty | ReadFieldResult::End => {
                let rest = self.buffer.get_mut(written..).unwrap_or_default();
                let (result, _, more) = self.csv.read_field(b"\n", rest);
                match result {
                    ReadFieldResult::Field { .. } => written += more,
                    ReadFieldResult::OutputFull => return Err(self.too_large(line, column)),
                    ReadFieldResult::InputEmpty | ReadFieldResult::End => {
                        return Err(format!(
                            "the double quote (\") that opens in line {line} in column {column} is never closed: open the \
                             file in a text editor, which shows the quote where Excel does not, and delete it, or close it at the end of \
                             its cell"
                        ));
                    }
                }
                at_end = true;
                true
            }
        };

        let raw = match passed.split_last() {
            Some((_, cell)) if !at_end => cell,
            _ => passed,
        };
        // Cut out of a string at ASCII characters, the bytes are always valid UTF-8. Were they not, the file would be
        // rejected: no cell may be blanked.
        let bytes = self.buffer.get(..written).unwrap_or_default();
        let (Ok(text), Ok(raw)) = (str::from_utf8(bytes), str::from_utf8(raw)) else {
            return Err(format!("a cell that begins in line {line} cannot be read"));
        };
        let malformed_quotes = quotes::are_malformed(raw);
        let text = if malformed_quotes {
            Cow::Borrowed(raw)
        } else {
            formula::unescape(text)
        };
        if text.len() > self.max_cell_bytes {
            return Err(self.too_large(line, column));
        }
        let is_multiline = text.contains(['\r', '\n']);
        // Not needed for cells without line breaks: a line with a million of them would be scanned a million times.
        let rest_of_line = (is_multiline && !ends_row).then(|| first_line(self.text));
        let mut closing_line = String::new();
        if is_multiline {
            closing_line.extend(raw.rsplit(['\r', '\n']).next());
            if let Some(rest) = rest_of_line {
                closing_line.push(self.delimiter);
                closing_line.push_str(rest);
            }
        }
        Ok(Cell {
            is_multiline,
            text,
            rest_of_line,
            closing_line,
            ends_row,
            literal_quotes: quotes::are_literal(raw),
            malformed_quotes,
        })
    }

    fn too_large(&self, line: u32, column: usize) -> String {
        let most = u64::try_from(self.max_cell_bytes).unwrap_or(u64::MAX);
        format!(
            "the cell in column {column} that begins in line {line} is larger than {}: shorten it, or look for a double quote \
             (\") that is not closed",
            Unit::of(most).at_most(most)
        )
    }

    fn skip_line_breaks(&mut self) {
        let breaks = self
            .text
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        self.advance(breaks);
    }

    /// Moves on by `count` bytes, and returns them.
    fn advance(&mut self, count: usize) -> &'t [u8] {
        let (passed, rest) = self.text.split_at_checked(count).unwrap_or((self.text, &[]));
        self.lines.pass(passed);
        self.text = rest;
        passed
    }
}

/// A cell that was just read.
struct Cell<'b> {
    /// Without quotes and formula guard, unless its quotes are malformed.
    text: Cow<'b, str>,
    is_multiline: bool,
    /// What follows a cell with line breaks in its last line, if it does not end the row.
    rest_of_line: Option<&'b str>,
    /// The last line of a cell with line breaks, as it is in the file, with what follows.
    closing_line: String,
    ends_row: bool,
    literal_quotes: bool,
    malformed_quotes: bool,
}

/// The text up to the next line break. It is cut out at ASCII characters, so that it is valid UTF-8.
fn first_line(text: &[u8]) -> &str {
    let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next();
    line.and_then(|line| str::from_utf8(line).ok())
        .unwrap_or_default()
}

impl Row {
    fn starting(line: u32) -> Self {
        Self {
            line,
            cells: Vec::new(),
            width: 0,
            surplus: Surplus::default(),
            literal_quotes: None,
            malformed_quotes: false,
            multiline: None,
        }
    }

    /// The line in which a cell with line breaks opens, if a cell holds rows. For the header only, whose cells must not
    /// hold any.
    pub(super) fn swallows_rows(&self, delimiter: Delimiter) -> Option<u32> {
        let delimiter = char::from(delimiter.byte());
        let any = self.cells.iter().any(|text| quotes::holds_a_row(text, delimiter));
        self.multiline.filter(|_| any)
    }

    /// Appends a cell. Empty cells take no memory until one follows that is not empty.
    fn push(&mut self, text: Cow<'_, str>, columns: usize) {
        let index = self.width;
        self.width += 1;
        if index >= columns {
            self.surplus.push(&text);
        } else if !text.is_empty() {
            self.cells.resize(index, String::new());
            self.cells.push(text.into_owned());
        }
    }
}

impl Malformed {
    fn new(message: String, row: Row) -> Self {
        Self {
            rejection: Rejection::new(RejectionCode::MalformedCsv, message),
            row: Box::new(row),
        }
    }
}

#[cfg(test)]
mod tests;
