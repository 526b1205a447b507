//! The reports. Two are for people: UTF-8 with byte order mark, comma, CRLF, and the formula guard on every cell that needs
//! it; [`crate::file::read`] reads them back exactly. The list of problems is for programs.

use csv_core::{QuoteStyle, Terminator, WriteResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{file, formula, names::REPORT_COLUMNS, outcome::Outcome, problem::Problem};

/// Without it, Excel takes a CSV file for the legacy encoding of its Windows.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const SUCCESS_COLUMNS: [&str; 7] = [
    "User ID",
    "Username",
    "Email",
    "Virtual Extension",
    "Temporary Password",
    "Import Row",
    "Password Expires",
];

/// A user that was created; in `validate` mode one that would have been, without ID, password and expiry.
#[derive(Clone, Copy)]
pub struct SuccessRow<'a> {
    /// The user's ID.
    pub user_id: Option<i64>,
    /// Login name.
    pub username: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Virtual extension.
    pub virtual_extension: &'a str,
    /// Temporary password in plain text.
    pub password: Option<&'a str>,
    /// Number of the row, from 1.
    pub import_row: u32,
    /// When the password expires, RFC 3339 in UTC.
    pub password_expires: Option<&'a str>,
}

/// Shows everything but the password.
impl std::fmt::Debug for SuccessRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let password = self.password.map(|_| "[redacted]");
        let Self {
            user_id,
            username,
            email,
            virtual_extension,
            ..
        } = self;
        f.debug_struct("SuccessRow")
            .field("user_id", user_id)
            .field("username", username)
            .field("email", email)
            .field("virtual_extension", virtual_extension)
            .field("password", &password)
            .field("import_row", &self.import_row)
            .field("password_expires", &self.password_expires)
            .finish()
    }
}

/// A row that did not become a user.
#[derive(Debug, Clone, Copy)]
pub struct ErrorRow<'a> {
    /// Its cells by column of the header, as [`crate::file::Record`] has them; missing ones are empty.
    pub cells: &'a [String],
    /// Number of the row, from 1.
    pub row: u32,
    /// Physical line in which it begins, from 1.
    pub line: u32,
    /// [`Outcome::Duplicate`] or [`Outcome::Error`].
    pub result: Outcome,
    /// All that is wrong with it.
    pub problems: &'a [Problem],
}

/// The success CSV, with a row for each user in the order given.
///
/// ```
/// use shared::report::{SuccessRow, success_csv};
///
/// let ann = SuccessRow {
///     user_id: Some(17),
///     username: "ann",
///     email: "ann@example.com",
///     virtual_extension: "0100",
///     password: Some("k7mPqxW2"),
///     import_row: 1,
///     password_expires: Some("2026-12-28T04:42:42Z"),
/// };
/// let csv = String::from_utf8(success_csv([ann])).unwrap();
/// assert!(csv.ends_with("17,ann,ann@example.com,0100,k7mPqxW2,1,2026-12-28T04:42:42Z\r\n"));
/// ```
///
/// Holds passwords, so the caller should wipe it. It is written into memory that was large enough from the start: no
/// copy stays behind, neither of the buffer nor in a writer (as in that of `csv::Writer`).
pub fn success_csv<'a>(rows: impl IntoIterator<Item = SuccessRow<'a>>) -> Vec<u8> {
    let rows: Vec<SuccessRow<'a>> = rows.into_iter().collect();
    let mut sheet = Sheet::with_capacity(rows.iter().map(SuccessRow::most_bytes).sum());
    let memory = sheet.bytes.as_ptr();
    sheet.record(SUCCESS_COLUMNS);
    for row in &rows {
        let user_id = row.user_id.map(|id| id.to_string()).unwrap_or_default();
        let password = row.password.unwrap_or_default();
        let import_row = row.import_row.to_string();
        sheet.record([
            user_id.as_str(),
            row.username,
            row.email,
            row.virtual_extension,
            password,
            &import_row,
            row.password_expires.unwrap_or_default(),
        ]);
    }
    debug_assert_eq!(memory, sheet.bytes.as_ptr(), "the passwords were copied");
    sheet.bytes
}

impl SuccessRow<'_> {
    /// The most that the row can take: a number has up to 20 characters.
    fn most_bytes(&self) -> usize {
        let texts = [
            self.username,
            self.email,
            self.virtual_extension,
            self.password.unwrap_or_default(),
            self.password_expires.unwrap_or_default(),
        ];
        2 * most_bytes(20)
            + texts.iter().map(|text| most_bytes(text.len())).sum::<usize>()
            + END_OF_RECORD_BYTES
    }
}

/// The error CSV: the columns of the source and those of [`REPORT_COLUMNS`], with a row for each one given. Once
/// corrected, it can be uploaded as it is: these columns are then not read.
///
/// ```
/// use shared::{field::Field, file, limits::Limits, outcome::Outcome, problem::Problem, report::{ErrorRow, error_csv}};
///
/// let (header, cells) = (["Username".to_owned()], ["ann".to_owned()]);
/// let problems = [Problem::already_exists(Field::Username, "ann")];
/// let row = ErrorRow { cells: &cells, row: 1, line: 2, result: Outcome::of(&problems), problems: &problems };
/// let csv = error_csv(&header, [row]);
///
/// let again = file::read(&csv, None, &Limits::default())?;
/// assert_eq!(again.header.names, header);
/// # Ok::<(), shared::rejection::Rejection>(())
/// ```
pub fn error_csv<'a>(header: &[String], rows: impl IntoIterator<Item = ErrorRow<'a>>) -> Vec<u8> {
    let mut sheet = Sheet::with_capacity(0);
    if header.first().is_some_and(|name| file::is_misleading(name)) {
        sheet.csv = writer(QuoteStyle::Always);
    }
    sheet.record(header.iter().map(String::as_str).chain(REPORT_COLUMNS));
    sheet.csv = writer(QuoteStyle::Necessary);
    for ErrorRow {
        cells,
        row,
        line,
        result,
        problems,
    } in rows
    {
        let (row, line) = (row.to_string(), line.to_string());
        let (codes, sentences) = (codes(problems), sentences(problems));
        let report = [row.as_str(), &line, result.as_str(), &codes, &sentences];
        let source = (0..header.len()).map(|column| cells.get(column).map_or("", String::as_str));
        sheet.record(source.chain(report));
    }
    sheet.bytes
}

/// A line of the list of problems: one problem of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedProblem {
    /// Number of the row, from 1, header and blank rows not counted.
    #[schemars(range(min = 1))]
    pub row: u32,
    /// Line in the file where the row begins, from 1.
    #[schemars(range(min = 1))]
    pub line: u32,
    /// The outcome of the row.
    pub result: Outcome,
    /// What is wrong. A problem of the whole row has no field.
    #[serde(flatten)]
    pub problem: Problem,
}

/// The list of problems of these rows: JSON lines, a [`ListedProblem`] each, in the order given.
///
/// ```
/// use shared::{field::Field, outcome::Outcome, problem::Problem, report::{ErrorRow, ListedProblem, problem_list}};
///
/// let problems = [Problem::already_exists(Field::Username, "ann")];
/// let row = ErrorRow { cells: &[], row: 1, line: 2, result: Outcome::of(&problems), problems: &problems };
/// let list = problem_list([row])?;
/// let listed: ListedProblem = serde_json::from_slice(&list)?;
/// assert_eq!(listed.problem.params["value"], "ann");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// None are known: a problem can always be written as JSON.
pub fn problem_list<'a>(rows: impl IntoIterator<Item = ErrorRow<'a>>) -> serde_json::Result<Vec<u8>> {
    let mut list = Vec::new();
    for of_row in rows {
        for problem in of_row.problems {
            let listed = ListedProblem {
                row: of_row.row,
                line: of_row.line,
                result: of_row.result,
                problem: problem.clone(),
            };
            serde_json::to_writer(&mut list, &listed)?;
            list.push(b'\n');
        }
    }
    Ok(list)
}

/// A table of these columns and rows, which [`crate::file::read`] reads back as it is.
pub fn table_csv<'a>(header: &[String], rows: impl IntoIterator<Item = &'a [String]>) -> Vec<u8> {
    let mut sheet = Sheet::with_capacity(0);
    if header.first().is_some_and(|name| file::is_misleading(name)) {
        sheet.csv = writer(QuoteStyle::Always);
    }
    sheet.record(header.iter().map(String::as_str));
    sheet.csv = writer(QuoteStyle::Necessary);
    for row in rows {
        sheet.record(row.iter().map(String::as_str));
    }
    sheet.bytes
}

/// Each code once, in the order of the problems.
fn codes(problems: &[Problem]) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for problem in problems {
        let code = problem.code.as_str();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.join(";")
}

fn sentences(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The most that csv-core writes to end a record: the closing quote, a pair of quotes for an empty record, CRLF.
const END_OF_RECORD_BYTES: usize = 5;

/// The most that csv-core writes to end a cell: the closing quote and the delimiter.
const END_OF_CELL_BYTES: usize = 2;

/// The most that a cell can take with a formula guard before every character, opening quote and every character doubled.
fn most_bytes(cell_bytes: usize) -> usize {
    4 * (1 + cell_bytes) + 1 + END_OF_CELL_BYTES
}

fn writer(quotes: QuoteStyle) -> csv_core::Writer {
    csv_core::WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(quotes)
        .build()
}

/// A CSV file that grows by records.
struct Sheet {
    csv: csv_core::Writer,
    bytes: Vec<u8>,
}

impl Sheet {
    /// A sheet with the byte order mark, and room for this much and for the longest header of our own.
    fn with_capacity(records_bytes: usize) -> Self {
        let header_bytes: usize = SUCCESS_COLUMNS.iter().map(|name| most_bytes(name.len())).sum();
        let capacity = BYTE_ORDER_MARK.len() + header_bytes + END_OF_RECORD_BYTES + records_bytes;
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(BYTE_ORDER_MARK);
        Self {
            csv: writer(QuoteStyle::Necessary),
            bytes,
        }
    }

    fn record<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.write(END_OF_CELL_BYTES, csv_core::Writer::delimiter);
            }
            let cell = formula::escape(cell);
            self.write(2 * cell.len() + 1, |csv, output| {
                let (result, _, written) = csv.field(cell.as_bytes(), output);
                (result, written)
            });
        }
        self.write(END_OF_RECORD_BYTES, csv_core::Writer::terminator);
    }

    /// Lets csv-core write to the end of the sheet, where there is room for all that it can write at once.
    fn write(
        &mut self,
        most: usize,
        put: impl FnOnce(&mut csv_core::Writer, &mut [u8]) -> (WriteResult, usize),
    ) {
        let end = self.bytes.len();
        self.bytes.resize(end + most, 0);
        let (result, written) = put(&mut self.csv, self.bytes.get_mut(end..).unwrap_or_default());
        debug_assert_eq!(result, WriteResult::InputEmpty, "there was too little room");
        self.bytes.truncate(end + written);
    }
}
