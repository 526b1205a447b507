//! From the bytes of an upload to its header and records.
//!
//! Knows how a file is written, and nothing of what its columns mean. Refuses what it would have to guess.

mod delimiter;
mod encoding;
mod kind;
mod layout;
mod lines;
mod rows;

pub use delimiter::Delimiter;
pub use encoding::Encoding;
pub(crate) use kind::is_misleading;
pub(crate) use rows::MAX_SURPLUS_BYTES;
pub use rows::Surplus;

use crate::{
    cell,
    limits::Limits,
    rejection::{Rejection, RejectionCode},
};
use layout::Layout;
use rows::Rows;

/// How many times the cells of the largest allowed table a table may have at most. Only nameless columns, which are
/// not counted, can give it more; this bounds the memory that they take, and the error CSV, in which every row has
/// every column.
const CELLS_FACTOR: usize = 4;

/// A file that could be read.
///
/// All texts are as they were in the file, but without quotes and formula guard; the error CSV puts both on again
/// where they are needed. The columns that our reports append are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The encoding that was taken.
    pub encoding: Encoding,
    /// The delimiter that was taken.
    pub delimiter: Delimiter,
    /// The names of the columns. Nameless ones are in it, because the error CSV gives them back, up to the last column
    /// that has a name or a cell.
    pub header: Vec<String>,
    /// The position of each of these columns in the file, from 1, for sentences about them.
    pub column_numbers: Vec<usize>,
    /// The physical line of the header, from 1.
    pub header_line: u32,
    /// The records that are not blank, up to the limit of rows.
    pub records: Vec<Record>,
    /// How many records there are in the file, beyond the limit too.
    pub record_count: usize,
}

/// One record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the record, from 1; header and blank rows are not counted.
    pub row: u32,
    /// Physical line in which the record begins, from 1.
    pub line: u32,
    /// The cells by column of the header. Empty ones at the end are left out: a missing cell is empty.
    pub cells: Vec<String>,
    /// What stands beyond the last column of the header, and in the columns of our reports where it is no report.
    pub surplus: Surplus,
}

impl Record {
    /// The cell of a column; empty where the record has none.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads an upload.
///
/// Refuses it with `file_too_large`, `not_csv`, `undecodable`, `malformed_csv` or `empty_file`, whichever comes
/// first. A file with too many rows is not refused yet, because the mapping is checked before: see
/// [`check_row_count`].
pub fn read(bytes: &[u8], limits: &Limits) -> Result<SourceFile, Rejection> {
    let file = read_table(bytes, limits)?;
    check_any_row(&file)?;
    Ok(file)
}

/// Like [`read`], but a header without users is a file too.
pub(crate) fn read_table(bytes: &[u8], limits: &Limits) -> Result<SourceFile, Rejection> {
    let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size_bytes > limits.max_file_bytes {
        return Err(too_large(size_bytes, limits));
    }
    kind::check(bytes)?;
    let (text, encoding) = encoding::decode(bytes)?;
    // Asked before the delimiter, because a row of commas is blank only where the comma is the delimiter.
    if text
        .chars()
        .all(|c| cell::is_space(c) || matches!(c, ',' | ';' | '|'))
    {
        return Err(no_text());
    }
    let detected = delimiter::detect(&text, limits)?;

    let mut rows = Rows::new(&text, detected.delimiter, limits);
    if detected.declared {
        rows.header()?;
    }
    let Some(header) = rows.header()? else {
        return Err(no_text());
    };
    let mut layout = Layout::of(&header, limits)?;
    let (records, record_count) = read_records(&mut rows, &layout, limits)?;
    layout.cut(&records);
    Ok(SourceFile {
        encoding,
        delimiter: detected.delimiter,
        header: layout.names,
        column_numbers: layout.positions.iter().map(|&position| position + 1).collect(),
        header_line: header.line,
        records,
        record_count,
    })
}

/// The refusal of a file that is known to be too large, as `file_too_large`. Whoever fetches the file can tell from
/// its size alone, before there are any bytes of it.
pub fn too_large(size_bytes: u64, limits: &Limits) -> Rejection {
    let most = limits.max_file_bytes;
    let message =
        format!("the file has {size_bytes} bytes, {most} are allowed: divide it into several files");
    Rejection::new(RejectionCode::FileTooLarge, message)
}

/// Refuses a file with a header but no records, as `empty_file`.
pub(crate) fn check_any_row(file: &SourceFile) -> Result<(), Rejection> {
    if file.record_count > 0 {
        return Ok(());
    }
    Err(empty(&format!(
        "the file holds a header but no users: its only row, in line {}, was taken for the header; add a row for each \
         user below it",
        file.header_line
    )))
}

/// Refuses a file with more records than allowed, as `too_many_rows`: the last check of a file as a whole.
pub fn check_row_count(file: &SourceFile, limits: &Limits) -> Result<(), Rejection> {
    let (count, most) = (file.record_count, limits.max_rows);
    if count <= most {
        return Ok(());
    }
    let message = format!("the file has {count} rows, {most} are allowed: divide it into several files");
    Err(Rejection::new(RejectionCode::TooManyRows, message))
}

/// All records that are kept, and how many there are.
fn read_records(
    rows: &mut Rows<'_>,
    layout: &Layout,
    limits: &Limits,
) -> Result<(Vec<Record>, usize), Rejection> {
    let most_cells = limits
        .max_rows
        .saturating_mul(limits.max_columns)
        .saturating_mul(CELLS_FACTOR);
    let mut records = Vec::new();
    let (mut count, mut width) = (0_usize, 0_usize);
    while let Some(row) = rows.next(layout.width)? {
        let surplus = layout.surplus(&row.cells, row.surplus);
        let cells = layout.cells(row.cells);
        if surplus.count == 0 && cells.iter().all(|text| cell::is_blank(text)) {
            continue;
        }
        count = count.saturating_add(1);
        if count > limits.max_rows {
            continue;
        }
        width = width.max(cells.len());
        if width.saturating_mul(count) > most_cells {
            let message = format!(
                "up to line {} the table has more than {most_cells} cells: delete the columns without a name",
                row.line
            );
            return Err(Rejection::new(RejectionCode::MalformedCsv, message));
        }
        let number = u32::try_from(count).unwrap_or(u32::MAX);
        records.push(Record {
            row: number,
            line: row.line,
            cells,
            surplus,
        });
    }
    Ok((records, count))
}

fn no_text() -> Rejection {
    empty("the file holds no text: save the list of users again and upload it")
}

fn empty(message: &str) -> Rejection {
    Rejection::new(RejectionCode::EmptyFile, message)
}

impl From<rows::Malformed> for Rejection {
    fn from(malformed: rows::Malformed) -> Self {
        malformed.rejection
    }
}
