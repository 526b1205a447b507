//! Lists of IDs in one cell.

use std::collections::HashSet;

use super::{check_controls, trimmed};
use crate::{cell, contract::Id, problem::Flaw};

/// What parts the IDs of a cell.
const SEPARATORS: [char; 3] = [';', '|', ','];

/// The IDs of one cell, or of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdList {
    /// The IDs in the order of the cell, each once.
    pub ids: Vec<Id>,
    /// What stands in the cell and is no ID, each once.
    pub not_ids: Vec<String>,
}

impl IdList {
    /// The IDs, each once.
    pub fn of(ids: &[Id]) -> Self {
        let mut seen = HashSet::new();
        let ids = ids.iter().copied().filter(|&id| seen.insert(id)).collect();
        Self {
            ids,
            not_ids: Vec::new(),
        }
    }
}

/// Reads a cell with any number of IDs. Blanks around them and empty ones between separators do not matter.
pub fn parse_ids(cell: &str) -> Result<IdList, Flaw> {
    let text = trimmed(cell)?;
    check_controls(text)?;
    let mut list = IdList::default();
    // Without leading zeros, each ID has one spelling only.
    let mut seen = HashSet::new();
    for part in text
        .split(SEPARATORS)
        .map(cell::trim)
        .filter(|part| !part.is_empty())
    {
        if !seen.insert(part) {
            continue;
        }
        match parse_id(part) {
            Some(id) => list.ids.push(id),
            None => list.not_ids.push(part.to_owned()),
        }
    }
    Ok(list)
}

/// An ID as the Dialer shows it. A leading zero is refused, because nobody copies it from there: `1,001` is the
/// number 1001 changed by a spreadsheet, and must not become the IDs 1 and 1.
fn parse_id(text: &str) -> Option<Id> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>()
        .ok()
        .and_then(|number| Id::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(cell: &str) -> Vec<i64> {
        let list = parse_ids(cell).unwrap();
        assert_eq!(list.not_ids, Vec::<String>::new(), "{cell:?}");
        list.ids.into_iter().map(Id::get).collect()
    }

    #[test]
    fn ids_are_parted_by_any_separator_and_kept_once_in_their_order() {
        assert_eq!(ids("7"), [7]);
        assert_eq!(ids(" 3;1 |2,\u{A0}1 "), [3, 1, 2]);
        assert_eq!(ids(";;5;, |"), [5]);
        assert_eq!(ids("9223372036854775807"), [i64::MAX]);
        assert_eq!(ids(";"), Vec::<i64>::new());
    }

    #[test]
    fn what_is_not_a_positive_number_of_64_bits_is_kept_apart() {
        for part in [
            "0",
            "-1",
            "+7",
            "007",
            "1.0",
            "9223372036854775808",
            "1e3",
            "x",
            "1 2",
            "٣",
            "0x1",
            "'1",
        ] {
            let list = parse_ids(&format!("5;{part};{part};6")).unwrap();
            assert_eq!(list.not_ids, [part]);
            assert_eq!(list.ids.len(), 2);
        }
        assert_eq!(parse_ids("1,001").unwrap().not_ids, ["001"]);
    }

    #[test]
    fn blank_cells_and_control_characters_are_flaws() {
        assert_eq!(parse_ids(" "), Err(Flaw::Blank));
        assert_eq!(parse_ids("1\n2"), Err(Flaw::ControlCharacter));
    }
}
