//! What a cell says, apart from what surrounds it: blanks, and the marks by which spreadsheets keep a number as text.

/// Takes the blanks off both ends: white space of any kind, no-break spaces, and the zero-width no-break space
/// that remains where a byte order mark was written twice.
pub fn trim(cell: &str) -> &str {
    cell.trim_matches(is_space)
}

/// Whether nothing is left of the cell after trimming.
pub fn is_blank(cell: &str) -> bool {
    cell.chars().all(is_space)
}

/// Unicode's `White_Space`, which includes all visible no-break spaces, and U+FEFF, which it does not include.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{FEFF}'
}

/// The trimmed text of a cell. For `="0042"`, the form in which spreadsheets keep leading zeros, it is `0042`.
pub fn text(cell: &str) -> &str {
    let text = trim(cell);
    let formula = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    formula.filter(|text| !text.contains('"')).map_or(text, trim)
}

/// Removes the `'` with which spreadsheets keep digits as text.
pub(crate) fn without_text_marker(text: &str) -> &str {
    text.strip_prefix('\'')
        .filter(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(text)
}

/// Whether a cell has quotes that cannot be intended: it begins with one, or has one that was escaped with a backslash.
/// Quotes around a cell and doubled ones inside it were resolved when it was read.
pub(crate) fn has_stray_quotes(cell: &str) -> bool {
    trim(cell).starts_with('"') || cell.contains("\\\"")
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

    #[test]
    fn the_marks_of_text_are_read_away() {
        for (cell, read) in [
            ("=\"0042\"", "0042"),
            (" =\" 0042 \" ", "0042"),
            ("=\"\"", ""),
            ("=\"a\"&\"b\"", "=\"a\"&\"b\""),
            ("=0042", "=0042"),
            ("\"0042\"", "\"0042\""),
        ] {
            assert_eq!(text(cell), read, "{cell:?}");
        }
        for (text, read) in [
            ("'0042", "0042"),
            ("''0042", "''0042"),
            ("'", "'"),
            ("'a", "'a"),
            ("7", "7"),
        ] {
            assert_eq!(without_text_marker(text), read);
        }
    }
}
