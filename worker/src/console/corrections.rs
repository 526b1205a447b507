//! A file with cells corrected: the rows and what was typed go in, a new file comes out.

use std::collections::BTreeMap;

use shared::report::table_csv;

use super::form::Fields;

/// Corrected cells, by number of the row and index of the column.
pub(super) type Corrections = BTreeMap<(u32, usize), String>;

/// A row to be written again.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) row: u32,
    pub(super) cells: &'a [String],
    /// Text beyond the last column, corrected as that of further columns.
    pub(super) surplus: &'a [String],
}

/// Reads the cells of a form: fields named `cell.ROW.COLUMN`.
pub(super) fn read(form: &Fields) -> Corrections {
    let cells = form.with_prefix("cell.").filter_map(|(cell, value)| {
        let (row, column) = cell.split_once('.')?;
        Some(((row.parse().ok()?, column.parse().ok()?), value.to_owned()))
    });
    cells.collect()
}

/// The corrected file, in UTF-8 with commas. A row that is empty now is left out.
pub(super) fn file(names: &[String], rows: &[Line<'_>], corrections: &Corrections) -> Vec<u8> {
    let corrected = rows.iter().map(|line| {
        let own = |column: usize| {
            let cell = match column.checked_sub(names.len()) {
                None => line.cells.get(column),
                Some(beyond) => line.surplus.get(beyond),
            };
            cell.map_or("", String::as_str)
        };
        let mut cells: Vec<String> = (0..names.len() + line.surplus.len())
            .map(|column| {
                let typed = corrections.get(&(line.row, column));
                // A browser has line endings of its own: a cell that differs in nothing else was not corrected.
                let typed = typed.filter(|typed| plain_lines(typed) != plain_lines(own(column)));
                typed.map_or_else(|| own(column).to_owned(), Clone::clone)
            })
            .collect();
        while cells.len() > names.len() && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        cells
    });
    let filled: Vec<Vec<String>> = corrected
        .filter(|cells| cells.iter().any(|cell| !cell.trim().is_empty()))
        .collect();
    table_csv(names, filled.iter().map(Vec::as_slice))
}

fn plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use shared::limits::Limits;

    use super::*;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn what_was_not_corrected_is_read_back_as_it_was() {
        let names = [text("Username"), text("Note"), text("Email")];
        let cells = [
            [
                text("ann"),
                text("=1+1, \"quoted\"\nand more"),
                text("ann@example.com"),
            ],
            [text("bob"), text("'=x"), text("bob@example")],
            [text("eve"), text(""), text("")],
        ];
        let rows: Vec<Line<'_>> = (1..)
            .zip(&cells)
            .map(|(row, cells)| Line {
                row,
                cells,
                surplus: &[],
            })
            .collect();
        let corrections = read(&Fields::of(&[
            ("cell.2.2", "bob@example.com"),
            ("cell.3.0", " "),
            ("cell.x.0", "no cell"),
            ("action", "check"),
        ]));
        let content = file(&names, &rows, &corrections);
        let read = shared::file::read(&content, None, &Limits::default())
            .unwrap()
            .all_records()
            .unwrap();
        let found: Vec<&[String]> = read
            .records
            .iter()
            .map(|record| record.cells.as_slice())
            .collect();
        assert_eq!(read.header.names, names);
        assert_eq!(found[0], &cells[0]);
        assert_eq!(found[1], [text("bob"), text("'=x"), text("bob@example.com")]);
        assert_eq!(found.len(), 2, "a row that was emptied is left out");
    }

    #[test]
    fn cells_beyond_the_last_column_are_corrected_or_stay() {
        let names = [text("Username"), text("Email")];
        let cells = [text("ann"), text("a\rb")];
        let surplus = [text("x"), text("y")];
        for (typed, expected) in [
            (&[][..], "ann,\"a\rb\",x,y"),
            (&[("cell.1.1", "a\nb")][..], "ann,\"a\rb\",x,y"),
            (&[("cell.1.2", ""), ("cell.1.3", "")][..], "ann,\"a\rb\""),
            (&[("cell.1.2", "")][..], "ann,\"a\rb\",,y"),
        ] {
            let line = Line {
                row: 1,
                cells: &cells,
                surplus: &surplus,
            };
            let typed = Fields::of(typed);
            let content = String::from_utf8(file(&names, &[line], &read(&typed))).unwrap();
            assert!(
                content.contains(&format!("\n{expected}\r\n")),
                "{typed:?}: {content:?}"
            );
        }
    }
}
