//! Lists of IDs in one cell.

use std::collections::{BTreeMap, HashSet};

use super::{check_controls, trimmed};
use crate::{
    cell,
    contract::{Id, job::IdColumn},
    damage, names,
    problem::{Damage, Flaw},
};

/// What separates the IDs of a cell.
const SEPARATORS: [char; 3] = [';', '|', ','];

/// The IDs of one cell, or of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdList {
    /// The IDs in the order of the cell, each once.
    pub ids: Vec<Id>,
    /// What is in the cell and is not an ID, each once.
    pub not_ids: Vec<String>,
    /// What could also be one ID, with commas between its thousands.
    pub(crate) grouped: Vec<GroupedId>,
}

/// A text like `1,200`, which is two IDs, or one that a spreadsheet shows with a comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupedId {
    pub(crate) text: String,
    /// The ID without commas.
    pub(crate) id: Id,
}

impl IdList {
    /// The IDs, each once.
    pub fn of(ids: &[Id]) -> Self {
        let mut seen = HashSet::new();
        let ids = ids.iter().copied().filter(|&id| seen.insert(id)).collect();
        Self {
            ids,
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.not_ids.is_empty()
    }
}

/// The texts that stand for IDs in a column.
#[derive(Debug, Clone, Default)]
pub struct IdNames(BTreeMap<String, Vec<Id>>);

impl IdNames {
    /// The texts of a job's column.
    pub fn of(column: &IdColumn) -> Self {
        Self(column.folded_names())
    }

    fn find(&self, text: &str) -> Option<&[Id]> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&names::fold(text)).map(Vec::as_slice)
    }

    /// All IDs that texts stand for.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.0.values().flatten().copied()
    }
}

/// Reads a cell with any number of IDs, or of the texts that stand for them. Blanks around them and empty ones between
/// separators do not matter.
pub fn parse_ids(cell: &str, names: &IdNames) -> Result<IdList, Flaw> {
    let text = trimmed(cell)?;
    if let Some(ids) = names.find(text) {
        return Ok(IdList::of(ids));
    }
    check_controls(text)?;
    let mut list = IdList {
        grouped: grouped(text),
        ..IdList::default()
    };
    // Without leading zeros, each ID has one spelling only.
    let (mut texts, mut seen) = (HashSet::new(), HashSet::new());
    for part in text
        .split(SEPARATORS)
        .map(cell::trim)
        .filter(|part| !part.is_empty())
    {
        if !texts.insert(part) {
            continue;
        }
        if damage::is_error_value(part) {
            return Err(Flaw::SpreadsheetDamage(Damage::ErrorValue));
        }
        match (names.find(part), parse_id(cell::without_text_marker(part))) {
            (Some(ids), _) => list.ids.extend(ids.iter().copied().filter(|&id| seen.insert(id))),
            (None, Some(id)) => list.ids.extend(Some(id).filter(|&id| seen.insert(id))),
            (None, None) => list.not_ids.push(part.to_owned()),
        }
    }
    Ok(list)
}

/// The parts between `;` or `|` that are comma groups of three.
fn grouped(text: &str) -> Vec<GroupedId> {
    let parts = text.split([';', '|']).map(cell::trim);
    let found = parts.filter_map(|part| {
        let mut groups = part.split(',');
        let is_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
        let first = groups
            .next()
            .filter(|first| is_digits(first) && first.len() <= 3)?;
        let rest: Vec<&str> = groups.collect();
        if rest.is_empty() || !rest.iter().all(|group| is_digits(group) && group.len() == 3) {
            return None;
        }
        let id = parse_id(&format!("{first}{}", rest.concat()))?;
        Some(GroupedId {
            text: part.to_owned(),
            id,
        })
    });
    found.collect()
}

/// An ID as the Dialer shows it. A leading zero is refused, because nobody copies it from there.
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

    fn parse(cell: &str) -> Result<IdList, Flaw> {
        parse_ids(cell, &IdNames::default())
    }

    fn ids(cell: &str) -> Vec<i64> {
        let list = parse(cell).unwrap();
        assert_eq!(list.not_ids, Vec::<String>::new(), "{cell:?}");
        list.ids.into_iter().map(Id::get).collect()
    }

    #[test]
    fn ids_are_parted_by_any_separator_and_kept_once_in_their_order() {
        assert_eq!(ids("7"), [7]);
        assert_eq!(ids(" 3;1 |2,\u{A0}1 "), [3, 1, 2]);
        assert_eq!(ids(";;5;, |"), [5]);
        assert_eq!(ids("'7;'8"), [7, 8]);
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
            "''1",
        ] {
            let list = parse(&format!("5;{part};{part};6")).unwrap();
            assert_eq!(list.not_ids, [part]);
            assert_eq!(list.ids.len(), 2);
        }
        assert_eq!(parse("1,001").unwrap().not_ids, ["001"]);
    }

    #[test]
    fn groups_of_three_digits_may_be_one_id() {
        let grouped = |cell| -> Vec<(String, i64)> {
            let list = parse(cell).unwrap();
            list.grouped
                .into_iter()
                .map(|grouped| (grouped.text, grouped.id.get()))
                .collect()
        };
        assert_eq!(grouped("1,200"), [("1,200".to_owned(), 1200)]);
        assert_eq!(grouped("7; 1,200,300 |20"), [("1,200,300".to_owned(), 1_200_300)]);
        for cell in ["1,20", "1200,300", "1,2,300", "20;300", "0,100", "1, 200", "7"] {
            assert_eq!(grouped(cell), [], "{cell}");
        }
    }

    #[test]
    fn names_stand_for_ids() {
        let id = |id: i64| Id::try_from(id).unwrap();
        let names = IdNames::of(&IdColumn {
            column: "Team".to_owned(),
            names: BTreeMap::from([
                ("Sales, North".to_owned(), vec![id(3)]),
                ("Support".to_owned(), vec![id(1), id(2)]),
            ]),
        });
        let read = |cell| {
            let list = parse_ids(cell, &names).unwrap();
            (
                list.ids.into_iter().map(Id::get).collect::<Vec<_>>(),
                list.not_ids,
            )
        };
        assert_eq!(read(" sales,  NORTH "), (vec![3], vec![]));
        assert_eq!(read("Support;7|ＳＵＰＰＯＲＴ;2"), (vec![1, 2, 7], vec![]));
        assert_eq!(read("Sales"), (vec![], vec!["Sales".to_owned()]));
    }

    #[test]
    fn blank_cells_control_characters_and_error_values_are_flaws() {
        assert_eq!(parse(" "), Err(Flaw::Blank));
        assert_eq!(parse("1\n2"), Err(Flaw::ControlCharacter));
        assert_eq!(parse("1;#N/A"), Err(Flaw::SpreadsheetDamage(Damage::ErrorValue)));
    }
}
