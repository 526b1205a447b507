//! The columns of a header: which of them are meant, according to the job or to their names.

use std::collections::BTreeMap;

use strum::VariantArray;

use super::{
    Mapping,
    origin::{Origin, origin},
    sentence,
};
use crate::{
    cell,
    contract::job::Job,
    field::Field,
    file::Header,
    formula,
    names::{self, Recognised},
    rejection::Rejection,
};

/// The columns of a header, with their names as they are compared.
pub(super) struct Columns<'h> {
    header: &'h Header,
    names: Vec<String>,
}

impl<'h> Columns<'h> {
    pub(super) fn of(header: &'h Header) -> Self {
        Self {
            header,
            names: header.names.iter().map(|name| names::normalise(name)).collect(),
        }
    }

    /// Whether any of the names means a field.
    pub(super) fn is_recognised(&self) -> bool {
        self.names.iter().any(|name| names::recognise(name).is_some())
    }

    /// The columns that a job can mean by a name: those with exactly this name, else those whose name compares equal. A
    /// name that was copied from the file as text may still have the formula guard.
    fn candidates(&self, name: &str) -> Vec<usize> {
        let of = |is_meant: &dyn Fn(usize, &str) -> bool| -> Vec<usize> {
            let columns = self.header.names.iter().enumerate();
            columns
                .filter(|(column, other)| is_meant(*column, other))
                .map(|(column, _)| column)
                .collect()
        };
        let find = |name: &str| {
            let exact = of(&|_, other| !cell::is_blank(other) && cell::trim(other) == cell::trim(name));
            let normalised = names::normalise(name);
            if !exact.is_empty() || normalised.is_empty() {
                return exact;
            }
            of(&|column, _| self.names.get(column) == Some(&normalised))
        };
        let found = find(name);
        if found.is_empty() {
            find(&formula::unescape(name))
        } else {
            found
        }
    }

    /// The columns that the job names, each name with all columns that it can mean.
    ///
    /// Rejects a file in which a name can mean several.
    pub(super) fn named_by(&self, job: &Job) -> Result<BTreeMap<Field, Vec<usize>>, Rejection> {
        let mut named = BTreeMap::new();
        for &field in Field::VARIANTS {
            if let Origin::Column(name) = origin(field, job) {
                let candidates = self.candidates(name);
                if candidates.len() > 1 {
                    return Err(sentence::duplicate_header(self.header, &candidates, field));
                }
                named.insert(field, candidates);
            }
        }
        Ok(named)
    }

    /// Rejects a file in which a field that is read by its header has two columns with the same name.
    pub(super) fn check_duplicates(
        &self,
        job: &Job,
        named: &BTreeMap<Field, Vec<usize>>,
    ) -> Result<(), Rejection> {
        let taken: Vec<usize> = named.values().flatten().copied().collect();
        let by_header = |field: &&Field| matches!(origin(**field, job), Origin::Header);
        let mut fields = Field::VARIANTS.iter().filter(by_header);
        fields.try_for_each(|&field| self.duplicate(field, &taken))
    }

    /// Rejects a file in which two columns that are not taken have the same name, and the name means the field.
    pub(super) fn duplicate(&self, field: Field, taken: &[usize]) -> Result<(), Rejection> {
        let columns = matching(&self.names, field, |column| !taken.contains(&column));
        for (index, column) in columns.iter().enumerate() {
            let name = self.names.get(*column);
            let same: Vec<usize> = columns
                .iter()
                .skip(index)
                .copied()
                .filter(|other| self.names.get(*other) == name)
                .collect();
            if same.len() > 1 {
                return Err(sentence::duplicate_header(self.header, &same, field));
            }
        }
        Ok(())
    }

    /// The one column of each field that the job names.
    pub(super) fn found(
        &self,
        named: BTreeMap<Field, Vec<usize>>,
        job: &Job,
    ) -> Result<BTreeMap<Field, usize>, Rejection> {
        let (mut columns, mut missing) = (BTreeMap::new(), Vec::new());
        for (field, candidates) in named {
            match (candidates.first(), origin(field, job)) {
                (Some(&column), _) => {
                    columns.insert(field, column);
                }
                (None, Origin::Column(name)) => missing.push((field, name)),
                (None, _) => {}
            }
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        Err(sentence::column_not_found(self.header, &missing))
    }

    /// Only the virtual extension and the PBX device may share a column, because they often are one number.
    pub(super) fn check_shared(&self, mapping: &Mapping) -> Result<(), Rejection> {
        let mut taken = BTreeMap::new();
        for (&field, &column) in &mapping.columns {
            if let Some(other) = taken.insert(column, field)
                && (other, field) != (Field::VirtualExtension, Field::PbxDevice)
            {
                return Err(sentence::shared_column(self.header, column, other, field));
            }
        }
        Ok(())
    }

    /// Rejects a field in a column of passwords, whose cells are never kept.
    pub(super) fn check_passwords(&self, mapping: &Mapping) -> Result<(), Rejection> {
        for (&field, &column) in &mapping.columns {
            if self
                .names
                .get(column)
                .is_some_and(|name| names::is_password(name))
            {
                return Err(sentence::password_column(self.header, column, field));
            }
        }
        Ok(())
    }

    /// Matches the columns that the job does not name to the fields that it does not name.
    pub(super) fn match_the_rest(&self, job: &Job, mapping: &mut Mapping) -> Result<(), Rejection> {
        let named: Vec<usize> = mapping.columns.values().copied().collect();
        for &field in Field::VARIANTS {
            if !matches!(origin(field, job), Origin::Header) {
                continue;
            }
            let mut meant = matching(&self.names, field, |column| !named.contains(&column));
            if meant.is_empty() && field == Field::VirtualExtension {
                // The two are often one number, and a job that names the column for the device alone means it for both.
                let device = mapping.column(Field::PbxDevice);
                meant = matching(&self.names, field, |column| {
                    !named.contains(&column) || device == Some(column)
                });
            }
            match meant.as_slice() {
                [] => {}
                &[column] => {
                    mapping.columns.insert(field, column);
                }
                several => return Err(sentence::several_columns(self.header, several, field)),
            }
        }
        Ok(())
    }
}

/// The columns that mean a field: those of its own name, else those of its synonyms.
pub(super) fn matching(names: &[String], field: Field, is_free: impl Fn(usize) -> bool) -> Vec<usize> {
    let of = |wanted: Recognised| -> Vec<usize> {
        let means = |name: &String| names::recognise(name) == Some(wanted);
        let columns = names
            .iter()
            .enumerate()
            .filter(|&(column, name)| means(name) && is_free(column));
        columns.map(|(column, _)| column).collect()
    };
    let own = of(Recognised::Own(field));
    if own.is_empty() {
        of(Recognised::Synonym(field))
    } else {
        own
    }
}
