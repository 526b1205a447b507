//! The guard against formulas: a spreadsheet must not run a cell of our reports, nor a part of one, as a formula, and a
//! report must be read back exactly.
//!
//! A formula can begin where a cell begins, and inside it after `;`, `|`, TAB, CR or LF, at which spreadsheets of other
//! locales split cells; blanks, quotes, invisible and control characters before it do not matter. It consists of any
//! number of `'` and then a character that starts a formula. Escaping adds one `'` before these, unescaping removes
//! one. Since both look at the same places, they undo each other, and a cell that is read and written repeatedly does
//! not accumulate them. Source of the characters: OWASP, "CSV Injection".

use std::borrow::Cow;

use crate::{cell, text::is_invisible};

const GUARD: char = '\'';

/// What makes a spreadsheet take a cell for a formula, and the full-width forms, which some spreadsheets narrow.
const FORMULA_STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// What spreadsheets of any locale split cells at, besides the comma: our reports have quotes around cells with a
/// comma.
const SEPARATORS: [char; 5] = [';', '|', '\t', '\r', '\n'];

/// Puts the guard before everything in a cell that could be taken for a formula.
///
/// ```
/// use shared::formula::{escape, unescape};
///
/// assert_eq!(escape("=1+1"), "'=1+1");
/// // A spreadsheet whose list separator is the semicolon splits the cell there.
/// assert_eq!(escape("a;=1+1"), "a;'=1+1");
/// assert_eq!(escape("O'Neil"), "O'Neil");
/// assert_eq!(unescape(&escape("'=1+1")), "'=1+1");
/// ```
pub fn escape(cell: &str) -> Cow<'_, str> {
    rewrite(cell, |guards| guards + 1)
}

/// Removes the guards. Looks at the cell as it is in the file, before any trimming.
pub fn unescape(cell: &str) -> Cow<'_, str> {
    rewrite(cell, |guards| guards.saturating_sub(1))
}

/// Changes the number of guards before each formula.
fn rewrite(cell: &str, guards: impl Fn(usize) -> usize) -> Cow<'_, str> {
    if !cell.contains(FORMULA_STARTS) && !cell.contains(['\t', '\r']) {
        return Cow::Borrowed(cell);
    }
    let mut text = String::with_capacity(cell.len() + 1);
    let mut rest = cell;
    let mut may_begin = true;
    while let Some(first) = rest.chars().next() {
        let unguarded = rest.trim_start_matches(GUARD);
        let count = rest.len() - unguarded.len();
        if may_begin && begins_formula(unguarded, rest.len() == cell.len()) {
            text.extend(std::iter::repeat_n(GUARD, guards(count)));
            rest = unguarded;
        }
        let next = rest.chars().next().unwrap_or(first);
        text.push(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
        may_begin = SEPARATORS.contains(&next) || (may_begin && is_skipped(next));
    }
    if text == cell {
        Cow::Borrowed(cell)
    } else {
        Cow::Owned(text)
    }
}

/// Whether a formula starts here, or, at the start of the cell, white space that some programs cut off with the guard.
fn begins_formula(text: &str, is_start: bool) -> bool {
    text.starts_with(FORMULA_STARTS) || (is_start && text.starts_with(['\t', '\r']))
}

fn is_skipped(c: char) -> bool {
    c == '"' || cell::is_space(c) || c.is_control() || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_would_run_is_guarded() {
        for (cell, guarded) in [
            ("=1+1", "'=1+1"),
            ("+4912345", "'+4912345"),
            ("-", "'-"),
            ("@ann", "'@ann"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("\t=1", "'\t'=1"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            (" =1", " '=1"),
            ("\u{200B}\0\u{A0}=1", "\u{200B}\0\u{A0}'=1"),
            ("a;=1;b", "a;'=1;b"),
            // The cell after another separator may have quotes around it.
            ("a;\"=1\"", "a;\"'=1\""),
            ("\"=1", "\"'=1"),
            ("a; ''=1|-2", "a; '''=1|'-2"),
            ("a\t=1\r\n+2", "a\t'=1\r\n'+2"),
        ] {
            assert_eq!(escape(cell), guarded, "{cell:?}");
            assert_eq!(unescape(guarded), cell, "{guarded:?}");
        }
    }

    #[test]
    fn what_would_not_run_is_left_alone() {
        for cell in [
            "'tis",
            "O'Neil",
            "'",
            "",
            "ann",
            "a=1",
            "a,=1",
            "1'=1",
            "'\n",
            "' =1",
            "\n\t",
            "ann@example.com;b-c",
        ] {
            assert_eq!(escape(cell), cell);
            assert_eq!(unescape(cell), cell);
        }
        for cell in ["=1", "a;=1", "\t"] {
            assert_eq!(unescape(cell), cell);
        }
    }

    const TEXTS: &str = "('{0,3}|[=+@＝-]|[;|\t\r\n]|[ \u{A0}\u{200B}\0]|[a,\"]){0,12}|\\PC*";

    proptest! {
        #[test]
        fn unescaping_undoes_escaping(cell in TEXTS) {
            let guarded = escape(&cell);
            prop_assert_eq!(unescape(&guarded), cell.as_str());
        }

        #[test]
        fn guards_do_not_pile_up(cell in TEXTS) {
            let once = escape(&unescape(&cell)).into_owned();
            let twice = escape(&unescape(&once)).into_owned();
            prop_assert_eq!(twice, once);
        }

        /// However a spreadsheet splits the cell, no part begins a formula.
        #[test]
        fn no_part_of_a_guarded_cell_is_a_formula(cell in TEXTS) {
            for part in escape(&cell).split([';', '|', '\t', '\r', '\n']) {
                prop_assert!(!part.trim_start_matches(is_skipped).starts_with(FORMULA_STARTS), "{:?}", part);
            }
        }
    }
}
