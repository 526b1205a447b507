//! What the mapping step of a user interface needs: the columns of a file, and which fields they seem to hold.
//!
//! Nothing is decided here. Whoever maps looks at the suggestion, and puts the names of the chosen columns into the job.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    field::Field,
    file::{self, Delimiter, Encoding, SourceFile},
    limits::Limits,
    mapping,
    rejection::Rejection,
};

/// What a user maps in every file. PBX device and SIP URI depend on the kind of SIP that is chosen.
const ALWAYS_REQUIRED: [Field; 4] = [
    Field::Username,
    Field::Email,
    Field::VirtualExtension,
    Field::Role,
];

/// A file as the mapping step shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// The encoding that was taken.
    pub encoding: Encoding,
    /// The delimiter that was taken.
    pub delimiter: Delimiter,
    /// The physical line of the header, from 1.
    pub header_line: u32,
    /// How many rows follow on the header; blank ones are not counted.
    pub rows: usize,
    /// The columns in their order, without those that our reports append.
    pub columns: Vec<Column>,
    /// The column that seems to hold a field, by its name: what a job without a mapping would take.
    pub suggested: BTreeMap<Field, String>,
    /// Fields with more than one such column: a job must name one of them, or take the field from elsewhere.
    pub conflicts: Vec<Conflict>,
    /// Fields that every user needs and that no column seems to hold: a job must name a column, or take the field from
    /// elsewhere.
    pub missing: Vec<Field>,
    /// Why an import of the file would be refused. Only `missing_header` ends with a mapping.
    pub rejections: Vec<Rejection>,
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Where it stands in the file, from 1.
    pub number: usize,
    /// Its name, as it stands in the file. A column without a name cannot be mapped.
    pub name: String,
    /// The field that its name means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
}

/// A field and the columns that could be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// Where the columns stand in the file, from 1.
    pub columns: Vec<usize>,
}

/// Looks at the columns of an upload.
///
/// Fails only if the file cannot be read as CSV, as [`file::read`] does. Whatever else an import would refuse is in the
/// answer.
pub fn inspect(bytes: &[u8], limits: &Limits) -> Result<Columns, Rejection> {
    let file = file::read_table(bytes, limits)?;
    let meant = mapping::suggest(&file.header);
    let (mut suggested, mut conflicts) = (BTreeMap::new(), Vec::new());
    for (&field, indices) in &meant {
        match indices.as_slice() {
            &[index] => {
                let name = file.header.get(index).cloned().unwrap_or_default();
                suggested.insert(field, name);
            }
            several => conflicts.push(Conflict {
                field,
                columns: several
                    .iter()
                    .filter_map(|&index| file.column_numbers.get(index).copied())
                    .collect(),
            }),
        }
    }
    let missing = ALWAYS_REQUIRED
        .into_iter()
        .filter(|field| !meant.contains_key(field))
        .collect();
    let rejections = file::check_any_row(&file)
        .err()
        .into_iter()
        .chain(mapping::check_header(&file))
        .chain(file::check_row_count(&file, limits).err())
        .collect();
    Ok(Columns {
        encoding: file.encoding,
        delimiter: file.delimiter,
        header_line: file.header_line,
        rows: file.record_count,
        columns: columns(&file, &meant),
        suggested,
        conflicts,
        missing,
        rejections,
    })
}

fn columns(file: &SourceFile, meant: &BTreeMap<Field, Vec<usize>>) -> Vec<Column> {
    let field_of = |index| meant.iter().find(|(_, indices)| indices.contains(&index));
    let numbered = file.column_numbers.iter().zip(&file.header).enumerate();
    numbered
        .map(|(index, (&number, name))| Column {
            number,
            name: name.clone(),
            field: field_of(index).map(|(&field, _)| field),
        })
        .collect()
}
