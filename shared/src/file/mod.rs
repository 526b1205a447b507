//! From the bytes of an upload to its header and records.
//!
//! Knows how a file is written; of the meaning of its columns it knows only what the mapping says. Rejects what it
//! would have to guess.

mod delimiter;
mod encoding;
mod kind;
mod layout;
mod lines;
mod passwords;
mod quotes;
mod reject;
mod rows;
mod size;
mod success_rows;

pub use delimiter::Delimiter;
pub use encoding::{Encoding, UnknownEncoding};
pub(crate) use kind::is_misleading;
pub(crate) use reject::{check_any_row, check_report};
pub use reject::{check_row_count, success_report, too_large};

use crate::{
    cell,
    limits::Limits,
    rejection::{Rejection, RejectionCode},
    surplus::Surplus,
};
use layout::Layout;
use reject::{empty, no_text, quote_in_name};
use rows::{Row, Rows};

/// What a file is to be saved as. Only Excel has a single name for it.
const CSV_IN_UTF8: &str = "CSV in UTF-8 (in Excel: \"CSV UTF-8\")";

/// A table may have at most this many times the cells of the largest allowed table. Only nameless columns, which are
/// not counted, can take it beyond the allowed size; this bounds the memory that they take, and the error CSV, in which
/// every row has every column.
const CELLS_FACTOR: usize = 4;

/// How many rows are searched for the header where the first is not one.
const HEADER_SEARCH_ROWS: usize = 20;

/// The header of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The names of the columns, as they are in the file apart from quotes and formula guard. Nameless ones are
    /// included, because the error CSV gives them back, up to the last column that has a name or a cell. The columns
    /// that our reports append are not included.
    pub names: Vec<String>,
    /// The position of each of these columns in the file, from 1, for sentences about them.
    pub column_numbers: Vec<usize>,
    /// Its physical line, from 1.
    pub line: u32,
    /// Whether a `sep=` line before it declares the delimiter.
    pub has_sep_line: bool,
    /// The first rows below it, each with its line, where one of them may be the real header.
    pub rows_below: Vec<(u32, Vec<String>)>,
}

/// A file that could be read, before anything is known about its columns.
#[derive(Debug)]
pub struct Upload {
    /// The encoding that was used.
    pub encoding: Encoding,
    /// The delimiter that was used.
    pub delimiter: Delimiter,
    /// The header.
    pub header: Header,
    text: String,
    layout: Layout,
    limits: Limits,
    row_count: usize,
}

/// A file with the records that count.
///
/// All texts are as they were in the file, but without quotes and formula guard; the error CSV adds both again where
/// they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The encoding that was used.
    pub encoding: Encoding,
    /// The delimiter that was used.
    pub delimiter: Delimiter,
    /// The header.
    pub header: Header,
    /// The records that are not ignored, up to the limit of rows.
    pub records: Vec<Record>,
    /// How many records there are in the file, beyond the limit too.
    pub record_count: usize,
    /// How many rows only look filled: their mapped cells are all blank, others have text.
    pub ignored_rows: usize,
}

/// One record of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Number of the record, from 1; header and ignored rows are not counted.
    pub row: u32,
    /// Physical line in which the record begins, from 1.
    pub line: u32,
    /// The cells by column of the header. Empty ones at the end are left out: a missing cell is empty. Cells with stray
    /// quotes are raw, with their quotes; those of passwords are empty.
    pub cells: Vec<String>,
    /// What is beyond the last column of the header, and in the columns of our reports where the row is not from a
    /// report.
    pub surplus: Surplus,
    /// Whether a cell has stray quotes.
    pub malformed_quotes: bool,
    /// Whether the row was refused for its quotes before, and is here from our error CSV or from the database: cells that
    /// still show such quotes are refused again.
    pub was_malformed: bool,
}

impl Record {
    /// The cell of a column; empty where the record has none.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// Reads an upload, in the encoding that its job declares, if any.
///
/// Rejects it with `file_too_large`, `not_csv`, `undecodable`, `malformed_csv`, `empty_file` or `report_uploaded`,
/// whichever comes first.
///
/// ```
/// use shared::{file, limits::Limits, rejection::RejectionCode};
///
/// let upload = file::read(b"Username;Email\nann;ann@example.com\n", None, &Limits::default())?;
/// assert_eq!(upload.header.names, ["Username", "Email"]);
/// assert_eq!((upload.encoding.as_str(), upload.delimiter.as_str()), ("utf-8", "semicolon"));
///
/// let rejection = file::read(b"Username;Email\n", None, &Limits::default()).unwrap_err();
/// assert_eq!(rejection.code, RejectionCode::EmptyFile);
/// # Ok::<(), shared::rejection::Rejection>(())
/// ```
pub fn read(bytes: &[u8], declared: Option<Encoding>, limits: &Limits) -> Result<Upload, Rejection> {
    let upload = read_table(bytes, declared, limits)?;
    check_any_row(&upload)?;
    check_report(&upload)?;
    Ok(upload)
}

/// Like [`read`], but a header without users is a file too, and so is our own report.
pub(crate) fn read_table(
    bytes: &[u8],
    declared: Option<Encoding>,
    limits: &Limits,
) -> Result<Upload, Rejection> {
    let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size_bytes > limits.max_file_bytes {
        return Err(too_large(size_bytes, limits));
    }
    kind::check(bytes)?;
    let (text, encoding) = encoding::decode(bytes, declared)?;
    // MS-DOS programs end a file with Ctrl-Z.
    let text = text.trim_end_matches('\u{1A}');
    // Checked before the delimiter, because a row of commas is blank only where the comma is the delimiter.
    if text
        .chars()
        .all(|c| cell::is_space(c) || matches!(c, ',' | ';' | '|'))
    {
        return Err(no_text());
    }
    let detected = delimiter::detect(text, limits)?;
    let mut upload = Upload {
        encoding,
        delimiter: detected.delimiter,
        header: Header {
            has_sep_line: detected.declared,
            ..Header::default()
        },
        text: text.to_owned(),
        layout: Layout::default(),
        limits: *limits,
        row_count: 0,
    };
    upload.read_header()?;
    Ok(upload)
}

impl Upload {
    /// Reads the header, and looks through all rows, so that a file that cannot be read is rejected before anybody
    /// asks what its columns mean.
    fn read_header(&mut self) -> Result<(), Rejection> {
        let mut rows = Rows::new(&self.text, self.delimiter, &self.limits);
        let Some(header) = self.pass_header(&mut rows)? else {
            return Err(no_text());
        };
        let mut layout = Layout::of(&header, &self.limits)?;
        let (mut row_count, mut filled) = (0_usize, 0);
        let mut rows_below = Vec::new();
        while let Some(mut row) = rows.next_below(layout.width)? {
            let more = row.surplus.kept.clone();
            let surplus = layout.surplus(&row.cells, row.surplus);
            let width = layout.filled(&row.cells);
            let is_blank = layout.with_text(&row.cells).next().is_none();
            if surplus.count == 0 && !row.malformed_quotes && is_blank {
                continue;
            }
            row_count = row_count.saturating_add(1);
            filled = filled.max(width);
            if rows_below.len() < HEADER_SEARCH_ROWS {
                // The real header may have more cells than the row that was taken for it.
                row.cells.extend(more);
                rows_below.push((row.line, row.cells));
            }
        }
        layout.cut(filled);
        self.header = Header {
            names: layout.names.clone(),
            column_numbers: layout.positions.iter().map(|&position| position + 1).collect(),
            line: header.line,
            has_sep_line: self.header.has_sep_line,
            rows_below,
        };
        self.layout = layout;
        self.row_count = row_count;
        Ok(())
    }

    /// Skips what is before the records.
    fn pass_header(&self, rows: &mut Rows<'_>) -> Result<Option<Row>, Rejection> {
        if self.header.has_sep_line {
            rows.header()?;
        }
        let Some(header) = rows.header()? else {
            return Ok(None);
        };
        if let Some(line) = header.swallows_rows(self.delimiter) {
            return Err(Rejection::new(
                RejectionCode::MalformedCsv,
                quotes::swallows(line),
            ));
        }
        if let Some(column) = header.literal_quotes {
            return Err(quote_in_name(&header, column));
        }
        Ok(Some(header))
    }

    /// The records that count: rows whose mapped cells are all blank are ignored. `is_mapped` is asked with the index of a
    /// column in [`Header::names`].
    ///
    /// Rejects the file with `empty_file` where no row is left. One with too many rows is not rejected yet: see
    /// [`check_row_count`].
    pub fn records(&self, is_mapped: impl Fn(usize) -> bool) -> Result<SourceFile, Rejection> {
        let file = self.read_records(is_mapped)?;
        if file.record_count > 0 {
            return Ok(file);
        }
        let rows = match file.ignored_rows {
            1 => "the only row".to_owned(),
            2 => "both rows".to_owned(),
            count => format!("all {count} rows"),
        };
        Err(empty(&format!(
            "the file holds no users: in {rows} below the header in line {}, the cells of the mapped columns are blank; fill \
             them in, or map other columns",
            self.header.line
        )))
    }

    /// All records with any text, for as long as nothing is known about the columns.
    pub fn all_records(&self) -> Result<SourceFile, Rejection> {
        self.read_records(|_| true)
    }

    fn read_records(&self, is_mapped: impl Fn(usize) -> bool) -> Result<SourceFile, Rejection> {
        let mut file = SourceFile {
            encoding: self.encoding,
            delimiter: self.delimiter,
            header: self.header.clone(),
            records: Vec::new(),
            record_count: 0,
            ignored_rows: 0,
        };
        let (limits, layout) = (&self.limits, &self.layout);
        let most_cells = limits
            .max_rows
            .saturating_mul(limits.max_columns)
            .saturating_mul(CELLS_FACTOR);
        let mut rows = Rows::new(&self.text, self.delimiter, limits);
        self.pass_header(&mut rows)?;
        let mut passwords = layout.passwords.clone();
        let mut width = 0_usize;
        while let Some(mut row) = rows.next_below(layout.width)? {
            let was_malformed = layout.was_malformed(&row.cells);
            let mut surplus = layout.surplus(&row.cells, row.surplus);
            let has_problem = surplus.count > 0 || row.malformed_quotes;
            if !has_problem && !layout.with_text(&row.cells).any(&is_mapped) {
                let only_looks_filled = layout.with_text(&row.cells).next().is_some();
                file.ignored_rows = file.ignored_rows.saturating_add(usize::from(only_looks_filled));
                continue;
            }
            file.record_count = file.record_count.saturating_add(1);
            if file.record_count > limits.max_rows {
                continue;
            }
            passwords.add_header_below(&row.cells);
            passwords.forget(&mut row.cells, &mut surplus, layout.width, self.delimiter);
            let cells = layout.cells(row.cells);
            width = width.max(cells.len());
            if width.saturating_mul(file.record_count) > most_cells {
                let message = format!(
                    "up to line {} the table has more than {most_cells} cells: delete the columns without a name",
                    row.line
                );
                return Err(Rejection::new(RejectionCode::MalformedCsv, message));
            }
            file.records.push(Record {
                row: u32::try_from(file.record_count).unwrap_or(u32::MAX),
                line: row.line,
                cells,
                surplus,
                malformed_quotes: row.malformed_quotes,
                was_malformed,
            });
        }
        Ok(file)
    }
}

impl From<rows::Malformed> for Rejection {
    fn from(malformed: rows::Malformed) -> Self {
        malformed.rejection
    }
}
