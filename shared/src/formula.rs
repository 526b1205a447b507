//! The formula guard: a spreadsheet must not run a cell of our reports as a formula, and a report must be
//! read back exactly.
//!
//! Both hold because putting the guard on and taking it off look at the same cells: those that begin with any
//! number of `'` followed by a character that starts a formula. On these, one `'` more and one `'` less undo each
//! other, and a cell that is read and written again and again does not pile them up.
//! Source of the characters: OWASP, "CSV Injection".

use std::borrow::Cow;

const GUARD: char = '\'';

/// What makes a spreadsheet take a cell for a formula, and the full-width forms, which some spreadsheets narrow.
const FORMULA_STARTS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Puts the guard before a cell that needs it.
pub fn escape(cell: &str) -> Cow<'_, str> {
    if starts_formula(cell) {
        Cow::Owned(format!("{GUARD}{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

/// Takes the guard off a cell that has it. Looks at the cell as it stands in the file, before any trimming.
pub fn unescape(cell: &str) -> &str {
    match cell.strip_prefix(GUARD) {
        Some(guarded) if starts_formula(guarded) => guarded,
        _ => cell,
    }
}

fn starts_formula(cell: &str) -> bool {
    cell.trim_start_matches(GUARD).starts_with(FORMULA_STARTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_cells_that_would_run_are_guarded() {
        for (cell, guarded) in [
            ("=1+1", "'=1+1"),
            ("+4912345", "'+4912345"),
            ("-", "'-"),
            ("@ann", "'@ann"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'tis", "'tis"),
            ("O'Neil", "O'Neil"),
            ("'", "'"),
            (" =1", " =1"),
            ("", ""),
            ("ann", "ann"),
        ] {
            assert_eq!(escape(cell), guarded, "{cell:?}");
            assert_eq!(unescape(guarded), cell, "{guarded:?}");
        }
    }

    #[test]
    fn a_cell_that_never_had_a_guard_is_left_alone() {
        for cell in ["=1", "'tis", "'", "''", " '=1", "1'=1"] {
            assert_eq!(unescape(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn unescaping_undoes_escaping(cell in "('{0,3}[=+@＝-]?\\PC{0,5}|\\PC*)") {
            let guarded = escape(&cell);
            prop_assert_eq!(unescape(&guarded), cell.as_str());
        }

        #[test]
        fn guards_do_not_pile_up(cell in "'{0,3}[=+@＝\t\r-]?\\PC{0,5}") {
            let once = escape(unescape(&cell)).into_owned();
            prop_assert_eq!(escape(unescape(&once)), once.as_str());
        }
    }
}
