//! Rows of our success CSV in another file: pasted below its own header, without a header, or with other names above
//! them. They hold passwords, which must not appear anywhere else, neither in an error CSV nor in a sentence.

use super::lines::line_after;

/// What may separate the cells of such a file.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// How many cells of a line are looked at.
const MAX_CELLS: usize = 4096;

/// The number of the first line that is such a row, from 1.
pub(super) fn first(text: &str) -> Option<u32> {
    let mut rest = text;
    for line in text.split_inclusive(['\r', '\n']) {
        if is_success_row(line) {
            let before = text.len().saturating_sub(rest.len());
            return Some(line_after(text.as_bytes().get(..before).unwrap_or_default()));
        }
        rest = rest.get(line.len()..).unwrap_or_default();
    }
    None
}

/// Whether a line has, side by side: ID, username, e-mail address, extension, and what is surely a generated password, or
/// what may be one before the number of a row and a time.
fn is_success_row(line: &str) -> bool {
    DELIMITERS.iter().any(|&delimiter| {
        let cells: Vec<&str> = line.split(delimiter).take(MAX_CELLS).map(bare).collect();
        cells.windows(5).enumerate().any(|(at, cells_of_row)| {
            let [id, username, email, extension, password] = cells_of_row else {
                return false;
            };
            let is_user = is_number(id)
                && !username.is_empty()
                && email.contains('@')
                && (extension.is_empty() || is_number(extension));
            let behind = (cells.get(at + 5), cells.get(at + 6));
            let has_end = matches!(behind, (Some(row), Some(time)) if is_number(row) && is_time(time));
            is_user && (is_generated(password) || (has_end && is_like_password(password)))
        })
    })
}

/// A cell without what surrounds its text: blanks, quotes, and the guard against formulas.
fn bare(cell: &str) -> &str {
    cell.trim().trim_matches(['"', '\'']).trim()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Twelve digits or sixteen letters and digits, as the worker makes them.
fn is_like_password(text: &str) -> bool {
    matches!(text.len(), 12 | 16) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Sixteen characters of small and capital letters and without look-alikes, as the worker makes them: nothing that people type.
fn is_generated(text: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    text.len() == 16
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() && !b"0Oo1Iil".contains(&byte))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
}

/// A time of RFC 3339 in UTC, such as `2026-03-31T10:15:01Z`.
fn is_time(text: &str) -> bool {
    text.len() >= 20
        && text.ends_with('Z')
        && text.as_bytes().get(10) == Some(&b'T')
        && text.bytes().filter(u8::is_ascii_digit).count() >= 14
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_success_report_are_found_wherever_they_stand() {
        let row = "1025,ann,ann@x.example,0301,VEdMQn9F6Bt8az6P,1,2026-03-31T10:15:01Z";
        for (text, line) in [
            (row.to_owned(), 1),
            (format!("Username,Email\r\nben,ben@x.example\r\n{row}\r\n"), 3),
            (format!("Username;Email\rben;ben@x.example\r{row}"), 3),
            (format!("a\n{}", row.replace(',', ";")), 2),
            (format!("a\n\"{}\"", row.replace(',', "\",\"")), 2),
            (format!("a\n\"{row}\""), 2),
            (format!("a\n{row},,,"), 2),
            (
                "a\n7,ann,ann@x.example,,492817465038,1,2026-03-31T10:15:01Z".to_owned(),
                2,
            ),
            ("a\n7,ann,ann@x.example,0301,VEdMQL9F6Bt8az6P".to_owned(), 2),
            ("a\n7,ann,ann@x.example,0301,VEdMQLhFtBtsazTP".to_owned(), 2),
        ] {
            assert_eq!(first(&text), Some(line), "{text}");
        }
    }

    #[test]
    fn rows_of_other_files_are_none() {
        for text in [
            "",
            "Username,Email\nann,ann@x.example",
            // A telephone number, a code, a department, a time.
            "7,ann,ann@x.example,0301,491701234567",
            "7,ann,ann@x.example,0301,CUSTOMERSERVICES",
            "7,ann,ann@x.example,0301,Sales,3,2026-03-31T10:15:01Z",
            "7,ann,ann@x.example,0301,customer-support,3,2026-03-31T10:15:01Z",
            "VEdMQn9F6Bt8az6P",
            // What validation writes: no ID, no password.
            ",ann,ann@x.example,0301,,1,",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
    }
}
