//! Which delimiter separates the cells of a file: what its first line declares, else what its header and the rows after
//! it say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::rows::Rows;
use crate::{
    cell,
    limits::Limits,
    names,
    problem::quote_name,
    rejection::{Rejection, RejectionCode},
    text::printable,
};

/// How many rows after the header are examined.
const SAMPLE_ROWS: usize = 10;

/// What separates the cells of a file. The order is that of preference where nothing else decides.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// The TAB character.
    Tab,
    /// `|`
    Pipe,
}

impl Delimiter {
    /// The name in events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The delimiter itself.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }

    fn from_char(character: char) -> Option<Self> {
        Self::VARIANTS
            .iter()
            .copied()
            .find(|delimiter| char::from(delimiter.byte()) == character)
    }
}

/// The delimiter of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detected {
    pub(super) delimiter: Delimiter,
    /// Whether the first row is not the header but a `sep=;` line, as Excel reads it: `sep=;`, then `Username;Email`.
    pub(super) declared: bool,
}

/// Finds the delimiter of a text.
pub(super) fn detect(text: &str, limits: &Limits) -> Result<Detected, Rejection> {
    if let Some(delimiter) = declared(text, limits)? {
        return Ok(Detected {
            delimiter,
            declared: true,
        });
    }
    // `max_by_key` takes the last of equals, so the preferred one is tried last.
    let best = Delimiter::VARIANTS
        .iter()
        .rev()
        .copied()
        .max_by_key(|&delimiter| evidence(text, delimiter, limits));
    Ok(Detected {
        delimiter: best.unwrap_or(Delimiter::Comma),
        declared: false,
    })
}

/// What a `sep=;` line before the header says. How the line itself reads depends on the delimiter, so all of them are
/// tried: `sep=;` is one cell or, split at the delimiter that it declares, two.
fn declared(text: &str, limits: &Limits) -> Result<Option<Delimiter>, Rejection> {
    for &delimiter in Delimiter::VARIANTS {
        let Ok(Some(row)) = Rows::new(text, delimiter, limits).header() else {
            continue;
        };
        let Some((first, others)) = row.cells.split_first() else {
            continue;
        };
        let Some(value) = strip_sep(first) else { continue };
        if !others.iter().all(|text| cell::is_blank(text)) {
            continue;
        }
        let mut characters = value.chars();
        match (characters.next(), characters.as_str()) {
            (None, _) if row.width > 1 => return Ok(Some(delimiter)),
            (Some(character), rest) if cell::is_blank(rest) => {
                return Delimiter::from_char(character)
                    .map(Some)
                    .ok_or_else(|| unknown(row.line, character));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// What follows `sep=` in the first cell of a file.
fn strip_sep(first: &str) -> Option<&str> {
    let first = first.trim_start_matches(cell::is_space);
    let (keyword, value) = first.split_at_checked("sep=".len())?;
    keyword.eq_ignore_ascii_case("sep=").then_some(value)
}

fn unknown(line: u32, character: char) -> Rejection {
    let character = character.to_string();
    let message = |sign: &str, named: &str| {
        format!(
            "line {line} (sep={sign}) names {named} as the separator, which is not supported: delete that line in a text editor, \
             and save the file with comma, semicolon, tab or pipe between the cells"
        )
    };
    let full = message(&printable(&character), &quote_name(&character));
    Rejection::new(RejectionCode::MalformedCsv, full).with_event_message(message("", "a sign"))
}

/// What speaks for a delimiter, the strongest first.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Evidence {
    /// The header is one of our own error reports, as `Name;Phone,Import Row,Import Line,…`, whatever its other names
    /// say.
    is_report: bool,
    /// It splits the header, and at least half of the rows: a delimiter that occurs only in the text of a name, as in
    /// `Code;Post (desk, role);Number`, does not split the rows.
    parts_rows: bool,
    /// Names in the header that mean a field.
    recognised: usize,
    /// All quotes in the header are around cells.
    clean_quotes: bool,
    /// It splits the header, and at least half of the rows into as many cells.
    rows_agree: bool,
    /// Columns of the header.
    columns: usize,
    /// Of the next rows, those with as many cells as the header.
    alike: usize,
}

fn evidence(text: &str, delimiter: Delimiter, limits: &Limits) -> Evidence {
    let mut rows = Rows::new(text, delimiter, limits);
    let header = match rows.header() {
        Ok(Some(row)) => row,
        Ok(None) => return Evidence::default(),
        // Reading the file will say what is wrong; the cells before it still show the delimiter.
        Err(malformed) => *malformed.row,
    };
    let names: Vec<String> = header.cells.iter().map(|name| names::normalise(name)).collect();
    let (mut count, mut parted, mut alike) = (0, 0, 0);
    for _ in 0..SAMPLE_ROWS {
        match rows.next(0) {
            Ok(Some(row)) => {
                count += 1;
                parted += usize::from(row.width > 1);
                alike += usize::from(row.width == header.width);
            }
            Ok(None) | Err(_) => break,
        }
    }
    let are_half = |rows: usize| header.width > 1 && rows * 2 >= count;
    Evidence {
        is_report: (0..names::REPORT_COLUMNS.len()).all(|column| {
            names
                .iter()
                .any(|name| names::report_column(name) == Some(column))
        }),
        parts_rows: are_half(parted),
        recognised: names
            .iter()
            .filter(|name| names::recognise(name).is_some())
            .count(),
        clean_quotes: header.literal_quotes.is_none(),
        rows_agree: are_half(alike),
        columns: header.width,
        alike,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(text: &str) -> (Delimiter, bool) {
        let detected = super::detect(text, &Limits::default()).unwrap();
        (detected.delimiter, detected.declared)
    }

    #[test]
    fn the_header_tells_the_delimiter() {
        for (text, delimiter) in [
            ("Username,Email\na;b,c;d\n", Delimiter::Comma),
            ("Username;Email\na,b;c,d\n", Delimiter::Semicolon),
            ("Username\tEmail\n", Delimiter::Tab),
            ("Username|Email\n", Delimiter::Pipe),
            ("\n;;;\nUsername;Email\n", Delimiter::Semicolon),
            ("\"Desks;Tags;Roles\",Email\n", Delimiter::Comma),
            ("\"a,b,c\";\"d,e\nf\"\n", Delimiter::Semicolon),
            ("a;b,c;d\n", Delimiter::Semicolon),
            // The text of other columns may hold more of another delimiter than the header has of its own.
            (
                "Title (last, first, middle, other);Login;Email\n",
                Delimiter::Semicolon,
            ),
            (
                "Nom, prénom;Identifiant\nDupont;jd\nDurand;md\n",
                Delimiter::Semicolon,
            ),
            ("Nom; prénom,Identifiant\nDupont,jd\n", Delimiter::Comma),
            (
                "Benutzer;Post (privat, dienstlich, sonst, leer, x);Nummer;Rolle\n\
                 jd;jd@example.com;1001;1\nmd;md@example.com;1002;1,2\n",
                Delimiter::Semicolon,
            ),
            (
                "Benutzer;Post (privat, dienstlich, sonst, leer, x);Nummer;Rolle\n\
                 jd;jd@example.com;1001;1,2\nmd;md@example.com;1002;1,2\n",
                Delimiter::Semicolon,
            ),
            (
                "Kennung;Post (a, role, desk, tag);Nummer\njd;jd@example.com;1001\n",
                Delimiter::Semicolon,
            ),
            // Rows of all lengths, and lists that look like two cells, do not outweigh the names of fields.
            (
                "Username,Email,Ext,Role,Desks (a;b)\na,b,1,1,3;4\na,b,1\na,b,1,1\na,b,1,1,3;4\n",
                Delimiter::Comma,
            ),
            (
                "Wer,Was,Nr,Rolle,Orte (a;b)\na,b,1,1,3;4\na,b\na,b,1,1,3;4\n",
                Delimiter::Comma,
            ),
            ("Login,Email,\"Role|Team\",Name\na,b,1|2\n", Delimiter::Comma),
        ] {
            assert_eq!(detect(text), (delimiter, false), "{text:?}");
        }
    }

    #[test]
    fn a_single_column_takes_the_first_choice() {
        assert_eq!(detect("Username\na;b\nc;d\n"), (Delimiter::Comma, false));
        assert_eq!(detect(""), (Delimiter::Comma, false));
    }

    #[test]
    fn an_unclosed_quote_does_not_hide_the_delimiter() {
        assert_eq!(detect("Name;\"Email\nx\n"), (Delimiter::Semicolon, false));
    }

    #[test]
    fn a_report_is_read_by_its_own_columns() {
        let text = "A;Login;Email;Role;Desk;Tag;Ext,Import Row,Import Line,Import Result,Import Error Codes,Import Errors\n";
        assert_eq!(detect(text), (Delimiter::Comma, false));
        let text =
            "A,Login,Email,Role,Desk;Import Row;Import Line;Import Result;Import Error Codes;Import Errors\n";
        assert_eq!(detect(text), (Delimiter::Semicolon, false));
    }

    #[test]
    fn a_sep_line_decides() {
        for (text, delimiter) in [
            ("sep=;\nUsername,Email;x\n", Delimiter::Semicolon),
            ("sep=,\r\nUsername,Email\r\n", Delimiter::Comma),
            ("SEP=\t\nUsername\n", Delimiter::Tab),
            ("Sep=|\rUsername\r", Delimiter::Pipe),
            ("\n ;;\nsep=;\n", Delimiter::Semicolon),
            ("\"sep=;\"\n", Delimiter::Semicolon),
            ("sep=;;;;\nA;B;C;D\n", Delimiter::Semicolon),
            ("sep=; \nA;B\n", Delimiter::Semicolon),
            ("sep=;", Delimiter::Semicolon),
        ] {
            assert_eq!(detect(text), (delimiter, true), "{text:?}");
        }
    }

    #[test]
    fn a_header_that_begins_with_sep_is_a_header() {
        for text in [
            "separator,Email\n",
            "sep=,Email\n",
            "sep=;x\n",
            "sep=\nEmail\n",
            "sep",
        ] {
            assert!(!detect(text).1, "{text:?}");
        }
    }

    #[test]
    fn an_unknown_delimiter_is_refused() {
        let rejection = super::detect("\nsep=:\nA:B\n", &Limits::default()).unwrap_err();
        assert_eq!(rejection.code, RejectionCode::MalformedCsv);
        assert!(
            rejection
                .message
                .starts_with("line 2 (sep=:) names \":\" as the separator"),
            "{rejection}"
        );
        assert!(!rejection.event_message().contains("sep=:"));
    }
}
