//! A file with cells corrected: what the rows hold and what was typed goes in, a new file comes out.

use std::collections::BTreeMap;

use shared::report::table_csv;

/// Corrected cells, by number of the row and index of the column.
pub(super) type Corrections = BTreeMap<(u32, usize), String>;

/// A row to be written again.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) row: u32,
    pub(super) cells: &'a [String],
    /// Text beyond the last column, which stays where it is.
    pub(super) surplus: &'a [String],
}

/// Reads the cells of a form: fields named `cell.ROW.COLUMN`.
pub(super) fn read(form: &[(String, String)]) -> Corrections {
    let cells = form.iter().filter_map(|(name, value)| {
        let (row, column) = name.strip_prefix("cell.")?.split_once('.')?;
        Some(((row.parse().ok()?, column.parse().ok()?), value.clone()))
    });
    cells.collect()
}

/// The corrected file, in UTF-8 with commas. A row that says nothing any more is left out.
pub(super) fn file(names: &[String], rows: &[Line<'_>], corrections: &Corrections) -> Vec<u8> {
    let corrected = rows.iter().map(|line| {
        let own = |column: usize| line.cells.get(column).map_or("", String::as_str);
        let mut cells: Vec<String> = (0..names.len())
            .map(|column| {
                let typed = corrections.get(&(line.row, column));
                typed.map_or_else(|| own(column).to_owned(), Clone::clone)
            })
            .collect();
        cells.extend(line.surplus.iter().cloned());
        cells
    });
    let filled: Vec<Vec<String>> = corrected
        .filter(|cells| cells.iter().any(|cell| !cell.trim().is_empty()))
        .collect();
    table_csv(names, filled.iter().map(Vec::as_slice))
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
        let corrections = read(&[
            (text("cell.2.2"), text("bob@example.com")),
            (text("cell.3.0"), text(" ")),
            (text("cell.x.0"), text("no cell")),
            (text("action"), text("check")),
        ]);
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
}
