//! The columns of a header: which of them are meant, by the job or by their names.

use std::collections::BTreeMap;

use strum::VariantArray;

use super::{
    Mapping,
    origin::{Origin, origin},
};
use crate::{
    cell,
    contract::job::Job,
    field::Field,
    file::SourceFile,
    formula,
    names::{self, Recognised},
    problem::quote_name,
    rejection::{Rejection, RejectionCode},
};

/// The header of a file, with the names as they are compared.
pub(super) struct Header<'f> {
    file: &'f SourceFile,
    names: Vec<String>,
}

impl<'f> Header<'f> {
    pub(super) fn of(file: &'f SourceFile) -> Self {
        Self {
            file,
            names: file.header.iter().map(|name| names::normalise(name)).collect(),
        }
    }

    /// Whether any of its names means a field.
    pub(super) fn is_recognised(&self) -> bool {
        self.names.iter().any(|name| names::recognise(name).is_some())
    }

    pub(super) fn missing(&self) -> Rejection {
        let message = format!(
            "line {} is not a header, as none of its cells is the name of a field: put the names above the rows, as \
             Username, Email, Virtual Extension, Role",
            self.file.header_line
        );
        Rejection::new(RejectionCode::MissingHeader, message)
    }

    /// Where a column stands in the file, from 1.
    fn number(&self, column: usize) -> usize {
        self.file.column_numbers.get(column).copied().unwrap_or_default()
    }

    pub(super) fn check_duplicates(&self) -> Result<(), Rejection> {
        let mut first = BTreeMap::new();
        // A name of nothing but spaces, `_` and `-` names no column.
        for (column, name) in self.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(earlier) = first.insert(name, column) {
                let message = format!(
                    "columns {} and {} of the header in line {} have the same name, apart from case, spaces, _ and -: \
                     rename one of them",
                    self.number(earlier),
                    self.number(column),
                    self.file.header_line
                );
                return Err(Rejection::new(RejectionCode::DuplicateHeader, message));
            }
        }
        Ok(())
    }

    /// The column that a job means by a name. A name that was copied from the file as text may still have the
    /// formula guard.
    fn find(&self, name: &str) -> Option<usize> {
        let find = |name: &str| {
            let normalised = names::normalise(name);
            if normalised.is_empty() {
                let name = cell::trim(name);
                return self
                    .file
                    .header
                    .iter()
                    .position(|cell| !name.is_empty() && cell::trim(cell) == name);
            }
            self.names.iter().position(|other| *other == normalised)
        };
        find(name).or_else(|| find(formula::unescape(name)))
    }

    pub(super) fn columns_named_by(&self, job: &Job) -> Result<BTreeMap<Field, usize>, Rejection> {
        let (mut columns, mut missing) = (BTreeMap::new(), Vec::new());
        for &field in Field::VARIANTS {
            let Origin::Column(name) = origin(field, job) else {
                continue;
            };
            match self.find(name) {
                Some(column) => {
                    columns.insert(field, column);
                }
                None => missing.push(format!("{} for {}", quote_name(name), field.label())),
            }
        }
        if missing.is_empty() {
            return Ok(columns);
        }
        let message = format!(
            "the header in line {} has no column {}: choose a column that is in the file",
            self.file.header_line,
            missing.join(", no column ")
        );
        Err(Rejection::new(RejectionCode::ColumnNotFound, message))
    }

    /// Only the virtual extension and the PBX device may share a column, because they often are one number.
    pub(super) fn check_shared(&self, mapping: &Mapping) -> Result<(), Rejection> {
        let mut taken = BTreeMap::new();
        for (&field, &column) in &mapping.columns {
            if let Some(other) = taken.insert(column, field)
                && (other, field) != (Field::VirtualExtension, Field::PbxDevice)
            {
                let message = format!(
                    "column {} is mapped to both {} and {}: choose one column for each",
                    self.number(column),
                    other.label(),
                    field.label()
                );
                return Err(Rejection::new(RejectionCode::MappingConflict, message));
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
            match matching(&self.names, field, |column| !named.contains(&column)).as_slice() {
                [] => {}
                &[column] => {
                    mapping.columns.insert(field, column);
                }
                [one, other, ..] => {
                    let message = format!(
                        "columns {} and {} can both be meant as {}: choose one of them, or rename the other",
                        self.number(*one),
                        self.number(*other),
                        field.label()
                    );
                    return Err(Rejection::new(RejectionCode::MappingConflict, message));
                }
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
