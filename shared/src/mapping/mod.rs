//! Which column holds which field: what the job says, else what the header says.
//!
//! Nothing is chosen between two columns that could be meant, and no text of the header goes into a refusal: where
//! the header is missing, the first row is somebody's data.

mod header;
mod origin;

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::{
    contract::job::Job,
    field::Field,
    file::SourceFile,
    names,
    rejection::{Rejection, RejectionCode},
};
use header::{Header, matching};
pub(crate) use origin::is_required;
use origin::{Origin, origin};

/// The columns of all fields that have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    columns: BTreeMap<Field, usize>,
}

impl Mapping {
    /// The column of a field, by its index in [`SourceFile::header`].
    pub fn column(&self, field: Field) -> Option<usize> {
        self.columns.get(&field).copied()
    }
}

/// Maps the columns of a file.
///
/// Refuses it with `missing_header`, `duplicate_header`, `column_not_found`, `mapping_conflict` or
/// `required_field_unmapped`, whichever comes first.
pub fn map(file: &SourceFile, job: &Job) -> Result<Mapping, Rejection> {
    let header = Header::of(file);
    let is_mapped = Field::VARIANTS
        .iter()
        .any(|&field| matches!(origin(field, job), Origin::Column(_)));
    if !is_mapped && !header.is_recognised() {
        return Err(header.missing());
    }
    header.check_duplicates()?;

    let mut mapping = Mapping {
        columns: header.columns_named_by(job)?,
    };
    header.check_shared(&mapping)?;
    header.match_the_rest(job, &mut mapping)?;
    check_required(job, &mapping)?;
    Ok(mapping)
}

/// Whatever is wrong with the header of a file before a job names any column.
pub(crate) fn check_header(file: &SourceFile) -> Vec<Rejection> {
    let header = Header::of(file);
    let missing = (!header.is_recognised()).then(|| header.missing());
    missing
        .into_iter()
        .chain(header.check_duplicates().err())
        .collect()
}

/// The columns that the header alone gives to each field, by their index, for the mapping step of a user
/// interface. Where a field has several, a job that does not name one of them would be refused.
pub fn suggest(header: &[String]) -> BTreeMap<Field, Vec<usize>> {
    let names: Vec<String> = header.iter().map(|name| names::normalise(name)).collect();
    let suggestions = Field::VARIANTS
        .iter()
        .map(|&field| (field, matching(&names, field, |_| true)));
    suggestions.filter(|(_, columns)| !columns.is_empty()).collect()
}

fn check_required(job: &Job, mapping: &Mapping) -> Result<(), Rejection> {
    let unmapped = |&field: &Field| {
        is_required(field)
            && mapping.column(field).is_none()
            && !matches!(origin(field, job), Origin::Elsewhere)
    };
    let labels: Vec<&str> = Field::VARIANTS
        .iter()
        .copied()
        .filter(unmapped)
        .map(Field::label)
        .collect();
    if labels.is_empty() {
        return Ok(());
    }
    let message = format!(
        "no column is mapped to {}: choose one, or give the column of the file the field's name",
        labels.join(", ")
    );
    Err(Rejection::new(RejectionCode::RequiredFieldUnmapped, message))
}
