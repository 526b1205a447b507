//! Which column holds which field: what the job says, else what the header says.
//!
//! It never chooses between two columns that could both be meant. Text of the file goes into the full sentence of a
//! rejection only, not into the one for events: where the header is missing, the first row is somebody's data.

mod header;
mod origin;
mod sentence;

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::{cell, contract::job::Job, field::Field, file::Header, names, rejection::Rejection};
use header::{Columns, matching};
use origin::{Origin, origin};

/// The columns of all fields that have one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mapping {
    columns: BTreeMap<Field, usize>,
}

impl Mapping {
    /// The column of a field, by its index in [`Header::names`].
    pub fn column(&self, field: Field) -> Option<usize> {
        self.columns.get(&field).copied()
    }

    /// Whether the column with this index holds a field.
    pub fn is_mapped(&self, column: usize) -> bool {
        self.columns.values().any(|mapped| *mapped == column)
    }

    /// How many fields have a column.
    pub(crate) fn field_count(&self) -> usize {
        self.columns.len()
    }

    /// The positions, from 1, of the columns that have a name and no field.
    pub fn ignored_columns(&self, header: &Header) -> Vec<usize> {
        let columns = header.names.iter().zip(&header.column_numbers).enumerate();
        let ignored = columns.filter(|(column, (name, _))| !cell::is_blank(name) && !self.is_mapped(*column));
        ignored.map(|(_, (_, number))| *number).collect()
    }
}

/// Maps the columns of a file.
///
/// Rejects it with `missing_header`, `duplicate_header`, `column_not_found`, `mapping_conflict` or
/// `required_field_unmapped`, whichever comes first.
///
/// ```
/// use shared::{contract::job, field::Field, file, limits::Limits, mapping};
///
/// let job = job::parse(
///     r#"{ "version": 1, "import_id": "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "tenant_id": 42,
///          "source": { "key": "tenants/42/uploads/users.csv" },
///          "fields": { "username": { "column": "Kürzel" }, "role": { "value": 7 } } }"#
///         .as_bytes(),
/// )?;
/// let csv = "Name,Kürzel,e-mail,Ext\nAnn,ann,ann@example.com,1001\n";
/// let upload = file::read(csv.as_bytes(), None, &Limits::default())?;
/// let mapping = mapping::map(&upload.header, &job)?;
/// assert_eq!(mapping.column(Field::Username), Some(1));
/// assert_eq!(mapping.column(Field::Email), Some(2));
/// assert_eq!(mapping.ignored_columns(&upload.header), [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn map(header: &Header, job: &Job) -> Result<Mapping, Rejection> {
    let columns = Columns::of(header);
    let is_mapped = Field::VARIANTS
        .iter()
        .any(|&field| matches!(origin(field, job), Origin::Column(_)));
    if !is_mapped && !columns.is_recognised() {
        return Err(sentence::missing_header(header));
    }
    let named = columns.named_by(job)?;
    columns.check_duplicates(job, &named)?;
    let mut mapping = Mapping {
        columns: columns.found(named, job)?,
    };
    columns.check_shared(&mapping)?;
    columns.match_the_rest(job, &mut mapping)?;
    columns.check_passwords(&mapping)?;
    check_required(header, job, &mapping)?;
    Ok(mapping)
}

/// Everything that is wrong with the header of a file before a job names any column.
pub(crate) fn check_header(header: &Header) -> Vec<Rejection> {
    let columns = Columns::of(header);
    let missing = (!columns.is_recognised()).then(|| sentence::missing_header(header));
    let duplicates = Field::VARIANTS
        .iter()
        .find_map(|&field| columns.duplicate(field, &[]).err());
    missing.into_iter().chain(duplicates).collect()
}

/// The mapping of all columns that the header alone gives to any field: what a file looks like before a job says more.
pub(crate) fn suggested(header: &Header) -> Mapping {
    let meant = suggest(&header.names).into_iter();
    Mapping {
        columns: meant
            .filter_map(|(field, columns)| Some((field, *columns.first()?)))
            .collect(),
    }
}

/// The columns that the header alone gives to each field, by their index, for the mapping step of a user interface.
/// Where a field has several, a job that does not name one of them would be rejected.
pub fn suggest(header: &[String]) -> BTreeMap<Field, Vec<usize>> {
    let names: Vec<String> = header.iter().map(|name| names::normalise(name)).collect();
    let suggestions = Field::VARIANTS
        .iter()
        .map(|&field| (field, matching(&names, field, |_| true)));
    suggestions.filter(|(_, columns)| !columns.is_empty()).collect()
}

fn check_required(header: &Header, job: &Job, mapping: &Mapping) -> Result<(), Rejection> {
    let unmapped = |&field: &Field| {
        field.is_required()
            && mapping.column(field).is_none()
            && !matches!(origin(field, job), Origin::Elsewhere)
    };
    let missing: Vec<Field> = Field::VARIANTS.iter().copied().filter(unmapped).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(sentence::required_field_unmapped(header, mapping, &missing))
}
