//! What counts as blank in a cell.

/// Takes the blanks off both ends: white space of any kind, no-break spaces, and the zero-width no-break space
/// that remains where a byte order mark was written twice.
pub fn trim(cell: &str) -> &str {
    cell.trim_matches(is_space)
}

/// Whether nothing is left of the cell after trimming.
pub fn is_blank(cell: &str) -> bool {
    cell.chars().all(is_space)
}

/// `White_Space` of Unicode, in which all visible no-break spaces are, and U+FEFF, in which they are not.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_spaces_are_trimmed() {
        for (cell, trimmed) in [
            (" ann ", "ann"),
            ("\u{A0}ann\u{202F}", "ann"),
            ("\u{FEFF}\u{2007}ann", "ann"),
            ("\t\r\nann\u{3000}", "ann"),
            ("an n", "an n"),
            ("\u{200B}ann", "\u{200B}ann"),
            ("\0", "\0"),
        ] {
            assert_eq!(trim(cell), trimmed, "{cell:?}");
            assert_eq!(is_blank(cell), trimmed.is_empty(), "{cell:?}");
        }
        assert!(is_blank(" \u{A0}\u{FEFF}\t"));
    }
}
