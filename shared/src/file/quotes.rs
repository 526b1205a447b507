//! Stray quotes, which cannot be intended: those within one cell, and those that turn several rows into one cell.
//!
//! Reading them away silently changes names, or makes people disappear: with one quote too many, all text up to the next
//! one is a single cell.

use crate::cell;

/// Whether the quotes of a cell, given as it is in the file, cannot be intended: text follows the closing quote, blanks
/// precede the opening one, or a backslash before one that neither closes the cell nor is doubled.
pub(super) fn are_malformed(raw: &str) -> bool {
    let Some(first) = raw.find('"') else {
        return false;
    };
    let (before, rest) = raw.split_at(first);
    if !before.is_empty() {
        return cell::is_blank(before) || raw.contains("\\\"");
    }
    let mut rest = rest.strip_prefix('"').unwrap_or(rest);
    while let Some((_, after)) = rest.split_once('"') {
        match after.strip_prefix('"') {
            Some(after) => rest = after,
            None => return !cell::is_blank(after),
        }
    }
    false
}

/// Whether a cell has a quote anywhere but around it.
pub(super) fn are_literal(raw: &str) -> bool {
    let raw = raw.trim_end_matches(cell::is_space);
    raw.contains('"') && !(raw.len() > 1 && raw.starts_with('"') && raw.ends_with('"'))
}

/// Whether a cell with line breaks holds rows of the table, which a stray quote has made a part of it.
///
/// `cells_before` is how many cells are before it in its row, `rest_of_line` what follows it in its last line,
/// `closing_line` that line as it is in the file, and `columns` how many cells a row has.
pub(super) fn has_swallowed(
    text: &str,
    delimiter: char,
    cells_before: usize,
    rest_of_line: Option<&str>,
    closing_line: &str,
    columns: usize,
) -> bool {
    let lines: Vec<Line> = lines(text).map(|line| Line::of(line, delimiter)).collect();
    let [first, inner @ .., last] = lines.as_slice() else {
        return false;
    };
    let cells_after = rest_of_line.map_or(0, |rest| cells(rest, delimiter).count());
    // The ends of the cell are rows, together with what surrounds them.
    let begins_row = first.cells + cells_before == columns;
    let ends_row = last.cells + cells_after == columns;
    inner.iter().any(|line| line.is_row(columns) || line.is_part_of_row(columns))
        // The quote that closes the cell opens one of the row that was swallowed.
        || (text.ends_with(delimiter) && last.is_part_of_row(columns))
        || (begins_row && first.cells > 1 && first.has_address)
        || (ends_row && last.cells > 1 && last.has_address)
        || is_whole_row(closing_line, delimiter, columns)
        || (begins_row
            && ends_row
            && columns > 2
            && first.cells + last.cells > 2
            && first.is_compact
            && last.is_compact)
}

/// Whether the lines inside a cell would be taken for rows in our error CSV, which has commas and more columns: it
/// could then not be read back.
pub(super) fn would_swallow_in_report(text: &str) -> bool {
    let lines: Vec<Line> = lines(text).map(|line| Line::of(line, ',')).collect();
    let [_, inner @ .., last] = lines.as_slice() else {
        return false;
    };
    inner.iter().any(|line| line.is_part_of_row(usize::MAX))
        || (text.ends_with(',') && last.is_part_of_row(usize::MAX))
}

/// Whether a line is a row with an e-mail address, all of whose quotes are around whole cells. The line in which a
/// quoted cell of several lines ends has the closing quote without the opening one, and is not such a row.
fn is_whole_row(line: &str, delimiter: char, columns: usize) -> bool {
    let is_whole = |cell: &str| {
        let inside = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        !cell.contains('"') || inside.is_some_and(|inside| !inside.replace("\"\"", "").contains('"'))
    };
    cells(line, delimiter).count() == columns
        && cells(line, delimiter).any(is_address)
        && cells(line, delimiter).all(is_whole)
}

/// The raw cells of a line: a quote opens at the beginning of a cell only.
fn cells(line: &str, delimiter: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut begins, mut closed) = (false, true, false);
    line.split(move |c| {
        let is_quote = c == '"';
        let ends = c == delimiter && !is_quoted;
        // A second quote reopens what the first has closed.
        let opens = is_quote && !is_quoted && (begins || closed);
        closed = is_quote && is_quoted;
        is_quoted = opens || (is_quoted && !closed);
        begins = ends;
        ends
    })
}

/// Whether a cell of the header holds a row: no column name has several cells below its first line.
pub(super) fn holds_a_row(text: &str, delimiter: char) -> bool {
    let mut below = lines(text).skip(1).map(|line| Line::of(line, delimiter));
    below.any(|line| line.cells > 1 && (line.has_address || (line.cells > 2 && line.is_compact)))
}

/// The sentence about rows that a quote has swallowed.
pub(super) fn swallows(line: u32) -> String {
    format!(
        "the double quote (\") that opens in line {line} turns several lines into one cell, and rows would be lost in it: open the \
         file in a text editor, which shows the quote where Excel does not, and delete it if the lines below are other users; if \
         they are one text, put that on one line"
    )
}

/// The sentence about a row in which a quote has made a cell of several lines, and that has text beyond its last column.
pub(super) fn may_swallow(line: u32) -> String {
    format!(
        "the double quote (\") that opens in line {line} turns several lines into one cell, and its row has text beyond the last \
         column, so that other users may stand in that cell: open the file in a text editor, which shows the quote where Excel \
         does not, and delete it if the lines below are other users; if they are one text, put that on one line, and remove what \
         is beyond the last column"
    )
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\r', '\n'])
}

/// A line of a cell, as if it were a row.
struct Line {
    cells: usize,
    /// One of the cells could be an e-mail address.
    has_address: bool,
    /// All of the cells could be.
    is_list: bool,
    /// No blank follows a delimiter, as it would in a sentence.
    is_compact: bool,
}

impl Line {
    fn of(line: &str, delimiter: char) -> Self {
        let cells = || line.split(delimiter);
        Self {
            cells: cells().count(),
            has_address: cells().any(is_address),
            is_list: cells().all(is_address),
            is_compact: !cells().skip(1).any(|cell| cell.starts_with(cell::is_space)),
        }
    }

    fn is_row(&self, columns: usize) -> bool {
        self.cells == columns && (self.has_address || (self.is_compact && columns > 2))
    }

    /// Such a row lacks its last cells, or continues on the next line within quotes of its own. A line of nothing but
    /// addresses is a list of them.
    fn is_part_of_row(&self, columns: usize) -> bool {
        self.cells > 2 && self.cells < columns && self.has_address && !self.is_list && self.is_compact
    }
}

/// Whether a cell could be an e-mail address.
fn is_address(cell: &str) -> bool {
    let cell = cell.trim_matches(|c: char| cell::is_space(c) || c == '"');
    cell.contains('@') && !cell.contains(cell::is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_that_cannot_be_meant_are_found() {
        for raw in [
            "\"Ann\" B.",
            "\"Ann \"Annie\" B.\"",
            " \"Ann\"",
            "\u{A0}\"Ann\"",
            "\"O\\\"Neil\"",
            "O\\\"Neil",
            "\"\"ann\"",
            "\"a\"b",
            "\"a\" \"b\"",
        ] {
            assert!(are_malformed(raw), "{raw}");
            // Kept as it is, it is recognised as malformed again.
            assert!(cell::has_stray_quotes(raw), "{raw}");
        }
        for raw in [
            "",
            "ann",
            "\"ann\"",
            "\"ann\" ",
            "\"a\"\"b\"",
            "\"\"\"a\"\"\"",
            "5\" x",
            "a\"b\"",
            "a\"",
            "\"C:\\\"",
            "\"\"",
            "=\"0301\"",
            "\"a\nb\"",
            "\"a\"\u{A0}",
            "\"a\\\"\"b\"",
        ] {
            assert!(!are_malformed(raw), "{raw}");
        }
    }

    #[test]
    fn a_cell_that_holds_rows_is_found() {
        let swallowed = |text: &str, before, rest: Option<&str>, columns| {
            let last = text.rsplit(['\r', '\n']).next().unwrap();
            let closing_line = format!(
                "{last}\"{}",
                rest.map(|rest| format!(",{rest}")).unwrap_or_default()
            );
            has_swallowed(text, ',', before, rest, &closing_line, columns)
        };
        // A whole row inside.
        assert!(swallowed("Ann,x\nben,ben@x.example,1\n5", 2, None, 3));
        assert!(swallowed("Ann,x\rben,,1\r5", 2, None, 3));
        // The row of the opening quote, and that of the closing one.
        assert!(swallowed(
            "6' 1,ann@x.example,10\nben,5",
            1,
            Some("ben@x.example,10"),
            4
        ));
        assert!(swallowed("5' 10,10\nben,ben@x.example,5' 11", 2, Some("10"), 4));
        // A row whose own quoted cell has a delimiter in it.
        assert!(swallowed("10,10\nben,ben@x.example,", 2, Some("x\""), 4));
        assert!(swallowed("10,10\nben,ben@x.example,5", 2, Some("\",x\""), 4));
        // Texts of several lines.
        assert!(!swallowed("Main Street 5\n10115 Berlin", 2, Some("10"), 4));
        assert!(!swallowed(
            "Main Street 5, Berlin\nGermany",
            1,
            Some("ann@x.example,10"),
            4
        ));
        assert!(!swallowed(
            "Ann Lee\nann@x.example",
            0,
            Some("ann,ann@x.example,10"),
            4
        ));
        assert!(!swallowed(
            "one, two, three, four\nfive, six, seven, eight\nnine",
            3,
            None,
            4
        ));
        assert!(!swallowed(
            "Ask\nann@x.example,ben@x.example,cy@x.example\nfirst",
            2,
            None,
            4
        ));
        assert!(!swallowed("a\nb", 2, None, 3));
    }
}
