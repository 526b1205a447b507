//! What the mapping step of a user interface needs: the columns of a file, and which fields they seem to hold.
//!
//! Nothing is decided here. Whoever maps looks at the suggestion, and puts the names of the chosen columns into the job.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    field::Field,
    file::{self, Delimiter, Encoding, Header},
    limits::Limits,
    mapping, names,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Columns {
    /// The encoding that was used.
    pub encoding: Encoding,
    /// The delimiter that was used.
    pub delimiter: Delimiter,
    /// The physical line of the header, from 1.
    pub header_line: u32,
    /// How many rows follow the header; blank ones are not counted, nor those whose cells in the suggested columns are
    /// all blank.
    pub rows: usize,
    /// How many rows only look filled: they have text in other columns than the suggested ones.
    pub ignored_rows: usize,
    /// The columns in their order, without those that our reports append.
    pub columns: Vec<Column>,
    /// The column that seems to hold a field, by its name: what a job without a mapping would take.
    #[schemars(with = "BTreeMap<String, String>")]
    pub suggested: BTreeMap<Field, String>,
    /// Fields with more than one such column: a job must name one of them, or take the field from elsewhere.
    pub conflicts: Vec<Conflict>,
    /// Fields that every user needs and that no column seems to hold: a job must name a column, or take the field from
    /// elsewhere.
    pub missing: Vec<Field>,
    /// Why an import of the file would be rejected. Only `missing_header` can be resolved by a mapping. Too many rows
    /// are not reported where no column is recognised: rows that only look filled do not count.
    pub rejections: Vec<Rejection>,
}

/// What `user-import columns --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Inspected {
    /// The file can be read as CSV.
    Columns(Columns),
    /// It cannot.
    Unreadable(Unreadable),
}

/// A file that cannot be read as CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreadable {
    /// Why.
    #[schemars(length(min = 1))]
    pub rejections: Vec<Rejection>,
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Column {
    /// Its position in the file, from 1.
    pub number: usize,
    /// Its name, as it stands in the file. A column without a name cannot be mapped.
    pub name: String,
    /// The field that its name means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// The field whose name it may be, misspelt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resembles: Option<Field>,
}

/// A field and the columns that could be meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Conflict {
    /// The field.
    pub field: Field,
    /// The positions of the columns in the file, from 1.
    pub columns: Vec<usize>,
}

/// Inspects the columns of an upload, in the encoding that a job would declare, if any.
///
/// Fails only if the file cannot be read as CSV, as [`file::read`] does. Whatever else an import would be rejected for is
/// in the answer.
///
/// ```
/// use shared::{columns, field::Field, limits::Limits};
///
/// let csv = b"Login,E-mail,Work e-mail,Role\nann,ann@example.com,,7\n";
/// let found = columns::inspect(csv, None, &Limits::default())?;
/// assert_eq!(found.rows, 1);
/// assert_eq!(found.suggested[&Field::Username], "Login");
/// assert_eq!(found.missing, [Field::VirtualExtension]);
/// # Ok::<(), shared::rejection::Rejection>(())
/// ```
pub fn inspect(bytes: &[u8], declared: Option<Encoding>, limits: &Limits) -> Result<Columns, Rejection> {
    let upload = file::read_table(bytes, declared, limits)?;
    let header = &upload.header;
    let meant = mapping::suggest(&header.names);
    let (mut suggested, mut conflicts) = (BTreeMap::new(), Vec::new());
    for (&field, indices) in &meant {
        match indices.as_slice() {
            &[index] => {
                let name = header.names.get(index).cloned().unwrap_or_default();
                suggested.insert(field, name);
            }
            several => conflicts.push(Conflict {
                field,
                columns: several
                    .iter()
                    .filter_map(|&index| header.column_numbers.get(index).copied())
                    .collect(),
            }),
        }
    }
    let missing = ALWAYS_REQUIRED
        .into_iter()
        .filter(|field| !meant.contains_key(field))
        .collect();
    let mut rejections: Vec<Rejection> = file::check_any_row(&upload)
        .err()
        .into_iter()
        .chain(file::check_report(&upload).err())
        .chain(mapping::check_header(header))
        .collect();
    // Where nothing that every user has is recognised, it is not known yet which rows only look filled, nor whether
    // there are too many.
    let is_recognised = [Field::Username, Field::Email]
        .iter()
        .any(|field| meant.contains_key(field));
    let records = if is_recognised {
        let suggested = mapping::suggested(header);
        upload.records(|column| suggested.is_mapped(column))
    } else {
        upload.all_records()
    };
    let (mut rows, mut ignored_rows) = (0, 0);
    match records {
        Ok(file) => {
            (rows, ignored_rows) = (file.record_count, file.ignored_rows);
            if is_recognised {
                rejections.extend(file::check_row_count(&file, limits).err());
            }
        }
        Err(rejection) if rejections.is_empty() => rejections.push(rejection),
        Err(_) => {}
    }
    Ok(Columns {
        encoding: upload.encoding,
        delimiter: upload.delimiter,
        header_line: header.line,
        rows,
        ignored_rows,
        columns: columns(header, &meant),
        suggested,
        conflicts,
        missing,
        rejections,
    })
}

fn columns(header: &Header, meant: &BTreeMap<Field, Vec<usize>>) -> Vec<Column> {
    let field_of = |index| meant.iter().find(|(_, indices)| indices.contains(&index));
    let numbered = header.column_numbers.iter().zip(&header.names).enumerate();
    numbered
        .map(|(index, (&number, name))| Column {
            number,
            name: name.clone(),
            field: field_of(index).map(|(&field, _)| field),
            resembles: names::resembles(&names::normalise(name)),
        })
        .collect()
}
