//! The cells of one record, by field, and the values in them.

use super::Typed;
use crate::{
    cell,
    contract::job::{FixedList, FixedRole, ListSource, RoleSource},
    damage,
    field::Field,
    file::Record,
    mapping::Mapping,
    problem::{Damage, Flaw, Problem},
    user::{IdList, IdNames, parse_ids},
};

/// Where the IDs of a field come from.
pub(super) enum Ids {
    /// The same for all users.
    Fixed(IdList),
    /// The cell, in which these texts stand for IDs.
    Cell(IdNames),
}

impl Ids {
    pub(super) fn of_role(source: Option<&RoleSource>) -> Self {
        match source {
            Some(RoleSource::Fixed(FixedRole { value })) => Self::Fixed(IdList::of(&[*value])),
            Some(RoleSource::Column(column)) => Self::Cell(IdNames::of(column)),
            Some(RoleSource::Ignored(_)) | None => Self::Cell(IdNames::default()),
        }
    }

    pub(super) fn of_list(source: Option<&ListSource>) -> Self {
        match source {
            Some(ListSource::Fixed(FixedList { values })) => Self::Fixed(IdList::of(values)),
            Some(ListSource::Column(column)) => Self::Cell(IdNames::of(column)),
            Some(ListSource::Ignored(_)) | None => Self::Cell(IdNames::default()),
        }
    }
}

/// Makes a parser keep the text.
pub(super) fn typed<T>(
    parse: impl FnOnce(&str) -> Result<T, Flaw>,
) -> impl FnOnce(&str) -> Result<Typed<T>, Flaw> {
    |text| {
        Ok(Typed {
            value: parse(text)?,
            text: cell::trim(text).to_owned(),
        })
    }
}

/// The cells of one record, by field.
pub(super) struct Cells<'r> {
    pub(super) record: &'r Record,
    pub(super) mapping: &'r Mapping,
}

impl<'r> Cells<'r> {
    pub(super) fn text(&self, field: Field) -> Option<&'r str> {
        self.mapping.column(field).map(|column| self.record.cell(column))
    }

    /// The value of a field, or a problem.
    pub(super) fn value<T>(
        &self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let cell = self.text(field)?;
        let text = cell::text(cell);
        let parsed = if cell::has_stray_quotes(cell) {
            Err(Flaw::Quotes)
        } else if damage::is_error_value(text) {
            Err(Flaw::SpreadsheetDamage(Damage::ErrorValue))
        } else {
            parse(text)
        };
        match parsed {
            Ok(value) => Some(value),
            Err(Flaw::Blank) if !field.is_required() => None,
            Err(flaw) => {
                problems.push(Problem::flawed(field, text, &flaw));
                None
            }
        }
    }

    /// The IDs of a field: those for all users, or those of the cell.
    pub(super) fn list(&self, field: Field, ids: &Ids, problems: &mut Vec<Problem>) -> IdList {
        let names = match ids {
            Ids::Fixed(list) => return list.clone(),
            Ids::Cell(names) => names,
        };
        let is_required = field.is_required();
        let parse = |text: &str| match parse_ids(text, names) {
            Ok(list) if is_required && list.is_empty() => Err(Flaw::NoId),
            result => result,
        };
        self.value(field, parse, problems).unwrap_or_default()
    }
}
