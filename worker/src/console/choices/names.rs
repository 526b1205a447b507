//! Names in a column whose values are IDs.

use std::collections::BTreeMap;

use shared::names;

use crate::{console::inspect::Inspected, db::Named};

/// Texts of a column for which IDs can be chosen. A file with more of them should have IDs instead.
pub(in crate::console) const MOST_NAMES: usize = 100;

/// The texts of a column that are not IDs, each once, with the entry of the tenant's list that has the same name.
pub(in crate::console) fn names_in(
    file: &Inspected,
    column: &str,
    list: &[Named],
) -> Vec<(String, Option<i64>)> {
    let Some(position) = file.position(column) else {
        return Vec::new();
    };
    let by_name: BTreeMap<String, i64> = list
        .iter()
        .map(|named| (names::fold(&named.name), named.id))
        .collect();
    let mut found: BTreeMap<String, (String, Option<i64>)> = BTreeMap::new();
    for record in &file.records {
        let cell = record.cell(position).trim();
        let whole = names::fold(cell);
        // A name may contain a separator.
        let parts: Vec<&str> = if by_name.contains_key(&whole) {
            vec![cell]
        } else {
            cell.split([';', '|', ',']).map(str::trim).collect()
        };
        for part in parts {
            if part.is_empty() || part.trim_start_matches('\'').parse::<i64>().is_ok() {
                continue;
            }
            let folded = names::fold(part);
            let same = by_name.get(&folded).copied();
            found.entry(folded).or_insert_with(|| (part.to_owned(), same));
        }
        if found.len() > MOST_NAMES {
            break;
        }
    }
    found.into_values().collect()
}
