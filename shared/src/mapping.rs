//! Which column holds which field: what the job says, else what the header says.
//!
//! Nothing is chosen between two columns that could be meant, and no text of the header goes into a refusal: where
//! the header is missing, the first row is somebody's data.

use std::collections::BTreeMap;

use strum::VariantArray;

use crate::{
    cell,
    contract::job::{Column, ExtensionSource, Job, ListSource, RoleSource, Sip},
    field::Field,
    file::SourceFile,
    guard,
    names::{self, Recognised},
    problem::quote,
    rejection::{Rejection, RejectionCode},
};

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
    let is_mapped = Field::VARIANTS.iter().any(|&field| matches!(origin(field, job), Origin::Column(_)));
    if !is_mapped && !header.names.iter().any(|name| names::recognise(name).is_some()) {
        return Err(header.missing());
    }
    header.check_duplicates()?;

    let mut mapping = Mapping { columns: header.columns_named_by(job)? };
    header.check_shared(&mapping)?;
    header.match_the_rest(job, &mut mapping)?;
    check_required(job, &mapping)?;
    Ok(mapping)
}

/// The columns that the header alone gives to each field, by their index, for the mapping step of a user
/// interface. Where a field has several, a job that does not name one of them would be refused.
pub fn suggest(header: &[String]) -> BTreeMap<Field, Vec<usize>> {
    let names: Vec<String> = header.iter().map(|name| names::normalise(name)).collect();
    let suggestions = Field::VARIANTS.iter().map(|&field| (field, matching(&names, field, |_| true)));
    suggestions.filter(|(_, columns)| !columns.is_empty()).collect()
}

/// Where the job says that a field comes from.
#[derive(Debug, Clone, Copy)]
enum Origin<'j> {
    /// The column of this name.
    Column(&'j str),
    /// The column that the header gives to the field.
    Header,
    /// No column: a value for all users, generated, or of an option that was not chosen.
    Elsewhere,
}

fn origin(field: Field, job: &Job) -> Origin<'_> {
    let fields = &job.fields;
    match field {
        Field::Username => of_column(fields.username.as_ref()),
        Field::Email => of_column(fields.email.as_ref()),
        Field::VirtualExtension => match &fields.virtual_extension {
            Some(ExtensionSource { column: Some(name), .. }) => Origin::Column(name),
            Some(ExtensionSource { column: None, generate: true }) => Origin::Elsewhere,
            Some(ExtensionSource { column: None, generate: false }) | None => Origin::Header,
        },
        Field::Role => match &fields.role {
            Some(RoleSource::Column(name)) => Origin::Column(name),
            Some(RoleSource::Value(_)) => Origin::Elsewhere,
            None => Origin::Header,
        },
        Field::Desks => of_list(fields.desks.as_ref()),
        Field::SkillGroups => of_list(fields.skill_groups.as_ref()),
        Field::Tags => of_list(fields.tags.as_ref()),
        Field::PbxDevice if matches!(job.sip, Sip::ClassicPbx { .. }) => of_column(fields.pbx_device.as_ref()),
        Field::SipUri if matches!(job.sip, Sip::CustomUri {}) => of_column(fields.sip_uri.as_ref()),
        Field::PbxDevice | Field::SipUri => Origin::Elsewhere,
        Field::FirstName => of_column(fields.first_name.as_ref()),
        Field::LastName => of_column(fields.last_name.as_ref()),
    }
}

fn of_column(column: Option<&Column>) -> Origin<'_> {
    column.map_or(Origin::Header, |column| Origin::Column(&column.column))
}

fn of_list(source: Option<&ListSource>) -> Origin<'_> {
    match source {
        Some(ListSource::Column(name)) => Origin::Column(name),
        Some(ListSource::Values(_)) => Origin::Elsewhere,
        None => Origin::Header,
    }
}

/// Whether a user cannot be without the field.
pub(crate) fn is_required(field: Field) -> bool {
    match field {
        Field::Username
        | Field::Email
        | Field::VirtualExtension
        | Field::Role
        // Read for one kind of SIP each, and needed for it.
        | Field::PbxDevice
        | Field::SipUri => true,
        Field::Desks | Field::SkillGroups | Field::Tags | Field::FirstName | Field::LastName => false,
    }
}

fn check_required(job: &Job, mapping: &Mapping) -> Result<(), Rejection> {
    let unmapped = |&field: &Field| {
        is_required(field) && mapping.column(field).is_none() && !matches!(origin(field, job), Origin::Elsewhere)
    };
    let labels: Vec<&str> = Field::VARIANTS.iter().copied().filter(unmapped).map(Field::label).collect();
    if labels.is_empty() {
        return Ok(());
    }
    let message = format!(
        "no column is mapped to {}: choose one, or give the column of the file the field's name",
        labels.join(", ")
    );
    Err(Rejection::new(RejectionCode::RequiredFieldUnmapped, message))
}

/// The columns that mean a field: those of its own name, else those of its synonyms.
fn matching(names: &[String], field: Field, is_free: impl Fn(usize) -> bool) -> Vec<usize> {
    let of = |wanted: Recognised| -> Vec<usize> {
        let means = |name: &String| names::recognise(name) == Some(wanted);
        let columns = names.iter().enumerate().filter(|&(column, name)| means(name) && is_free(column));
        columns.map(|(column, _)| column).collect()
    };
    let own = of(Recognised::Own(field));
    if own.is_empty() { of(Recognised::Synonym(field)) } else { own }
}

/// The header of a file, with the names as they are compared.
struct Header<'f> {
    file: &'f SourceFile,
    names: Vec<String>,
}

impl<'f> Header<'f> {
    fn of(file: &'f SourceFile) -> Self {
        Self { file, names: file.header.iter().map(|name| names::normalise(name)).collect() }
    }

    fn missing(&self) -> Rejection {
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

    fn check_duplicates(&self) -> Result<(), Rejection> {
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
                return self.file.header.iter().position(|cell| !name.is_empty() && cell::trim(cell) == name);
            }
            self.names.iter().position(|other| *other == normalised)
        };
        find(name).or_else(|| find(guard::take(name)))
    }

    fn columns_named_by(&self, job: &Job) -> Result<BTreeMap<Field, usize>, Rejection> {
        let (mut columns, mut missing) = (BTreeMap::new(), Vec::new());
        for &field in Field::VARIANTS {
            let Origin::Column(name) = origin(field, job) else { continue };
            match self.find(name) {
                Some(column) => {
                    columns.insert(field, column);
                }
                None => missing.push(format!("{} for {}", quote(name), field.label())),
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
    fn check_shared(&self, mapping: &Mapping) -> Result<(), Rejection> {
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
    fn match_the_rest(&self, job: &Job, mapping: &mut Mapping) -> Result<(), Rejection> {
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
