//! From records to candidates: each field on its own, by the form of its value. What the Dialer has, and what the
//! other rows have, is for [`crate::assess`].

mod cells;
mod lookups;

use strum::VariantArray;

use crate::{
    cell,
    contract::job::{ExtensionSource, Job},
    field::Field,
    file::{Delimiter, Header, Record, SourceFile},
    mapping::Mapping,
    names,
    problem::{Code, Problem},
    user::{Email, IdList, Name, PbxDevice, SipUri, Username, VirtualExtension},
};
use cells::{Cells, Ids, typed};
pub(crate) use lookups::Fixed;
pub use lookups::{Lookups, lookups};

/// A record whose fields have been read. A malformed field is missing here and has a problem instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub(crate) row: u32,
    pub(crate) line: u32,
    pub(crate) username: Option<Typed<Username>>,
    pub(crate) email: Option<Typed<Email>>,
    pub(crate) extension: Extension,
    pub(crate) roles: IdList,
    pub(crate) desks: IdList,
    pub(crate) skill_groups: IdList,
    pub(crate) tags: IdList,
    pub(crate) pbx_device: Option<PbxDevice>,
    pub(crate) sip_uri: Option<SipUri>,
    pub(crate) first_name: Option<Name>,
    pub(crate) last_name: Option<Name>,
    pub(crate) problems: Vec<Problem>,
}

impl Candidate {
    /// A record without any valid value, for this one reason.
    fn refused(record: &Record, problem: Problem) -> Self {
        Self {
            row: record.row,
            line: record.line,
            username: None,
            email: None,
            extension: Extension::Flawed,
            roles: IdList::default(),
            desks: IdList::default(),
            skill_groups: IdList::default(),
            tags: IdList::default(),
            pbx_device: None,
            sip_uri: None,
            first_name: None,
            last_name: None,
            problems: vec![problem],
        }
    }
}

/// A value, and the text of the cell that it was read from: sentences about other rows and users repeat that one, which
/// people find in their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Typed<T> {
    pub(crate) value: T,
    pub(crate) text: String,
}

/// Where the virtual extension of a candidate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extension {
    /// It is in the file.
    Given(VirtualExtension),
    /// It is to be generated.
    Generate,
    /// It has a problem.
    Flawed,
}

/// Reads the fields of all records, in their order.
pub fn read(file: &SourceFile, mapping: &Mapping, job: &Job) -> Vec<Candidate> {
    let reader = Reader::new(file, mapping, job);
    file.records.iter().map(|record| reader.read(record)).collect()
}

/// Reads the records of one file.
struct Reader<'m> {
    mapping: &'m Mapping,
    header: &'m Header,
    delimiter: Delimiter,
    roles: Ids,
    desks: Ids,
    skill_groups: Ids,
    tags: Ids,
    generate: bool,
}

impl<'m> Reader<'m> {
    fn new(file: &'m SourceFile, mapping: &'m Mapping, job: &Job) -> Self {
        let generate = job
            .fields
            .virtual_extension
            .as_ref()
            .is_some_and(ExtensionSource::is_generated);
        Self {
            mapping,
            header: &file.header,
            delimiter: file.delimiter,
            roles: Ids::of_role(job.fields.role.as_ref()),
            desks: Ids::of_list(job.fields.desks.as_ref()),
            skill_groups: Ids::of_list(job.fields.skill_groups.as_ref()),
            tags: Ids::of_list(job.fields.tags.as_ref()),
            generate,
        }
    }

    fn read(&self, record: &Record) -> Candidate {
        let mut problems = Vec::new();
        let cells = Cells {
            record,
            mapping: self.mapping,
        };
        let email = cells.text(Field::Email).unwrap_or_default();
        if !email.contains('@')
            && self.is_name_of_column(Field::Username, &cells)
            && self.is_name_of_column(Field::Email, &cells)
        {
            return Candidate::refused(record, Problem::header_again(email));
        }
        let mut candidate = Candidate {
            row: record.row,
            line: record.line,
            username: cells.value(Field::Username, typed(Username::parse), &mut problems),
            email: cells.value(Field::Email, typed(Email::parse), &mut problems),
            extension: self.extension(&cells, &mut problems),
            roles: cells.list(Field::Role, &self.roles, &mut problems),
            desks: cells.list(Field::Desks, &self.desks, &mut problems),
            skill_groups: cells.list(Field::SkillGroups, &self.skill_groups, &mut problems),
            tags: cells.list(Field::Tags, &self.tags, &mut problems),
            pbx_device: cells.value(Field::PbxDevice, PbxDevice::parse, &mut problems),
            sip_uri: cells.value(Field::SipUri, SipUri::parse, &mut problems),
            first_name: cells.value(Field::FirstName, Name::parse, &mut problems),
            last_name: cells.value(Field::LastName, Name::parse, &mut problems),
            problems: Vec::new(),
        };
        if record.malformed_quotes || record.was_malformed {
            let more = self.stray_quotes(record, &problems);
            problems.extend(more);
        }
        if record.surplus.count > 0 {
            problems.push(Problem::wrong_column_count(
                &record.surplus,
                self.delimiter.as_str(),
            ));
        }
        if let Some((field, text)) = self.whole_line(record) {
            // What seems to be blank is in that cell.
            problems.retain(|problem| problem.field == Some(field) || problem.code != Code::Required);
            for problem in problems.iter_mut().filter(|problem| problem.field == Some(field)) {
                *problem = Problem::whole_line(field, text, problem.code);
            }
        }
        candidate.problems = problems;
        candidate
    }

    /// Whether the cell of a field holds the name of its column, or another name of the field, as in a header.
    fn is_name_of_column(&self, field: Field, cells: &Cells<'_>) -> bool {
        let name = names::normalise(cells.text(field).unwrap_or_default());
        let column = self
            .mapping
            .column(field)
            .and_then(|column| self.header.names.get(column));
        let means_field = names::recognise(&name).is_some_and(|recognised| recognised.field() == field);
        !name.is_empty() && (means_field || column.is_some_and(|column| names::normalise(column) == name))
    }

    /// What is wrong with quotes in cells that are not mapped. A row of an error CSV whose quotes were corrected has none.
    fn stray_quotes(&self, record: &Record, problems: &[Problem]) -> Vec<Problem> {
        let unmapped = record
            .cells
            .iter()
            .enumerate()
            .filter(|(column, _)| !self.mapping.is_mapped(*column));
        let stray = unmapped.filter(|(_, text)| cell::has_stray_quotes(text));
        let found: Vec<Problem> = stray
            .map(|(column, text)| {
                let name = self.header.names.get(column).map(|name| cell::trim(name));
                Problem::malformed_quotes(name.filter(|name| !name.is_empty()), text)
            })
            .collect();
        // The raw cell may be gone, as that of a password is.
        let is_told = problems
            .iter()
            .chain(&found)
            .any(|problem| problem.code == Code::MalformedQuotes);
        if is_told || !record.malformed_quotes {
            found
        } else {
            vec![Problem::malformed_quotes_somewhere()]
        }
    }

    /// The field that holds a whole line of the file: the only cell of its row, though there are other fields.
    fn whole_line<'r>(&self, record: &'r Record) -> Option<(Field, &'r str)> {
        let mut filled = record
            .cells
            .iter()
            .enumerate()
            .filter(|(_, text)| !cell::is_blank(text));
        let (Some((column, text)), None) = (filled.next(), filled.next()) else {
            return None;
        };
        let is_line = text.contains(char::from(self.delimiter.byte())) && text.contains('@');
        let field = |field: &&Field| self.mapping.column(**field) == Some(column);
        Field::VARIANTS
            .iter()
            .find(field)
            .filter(|_| is_line && self.mapping.field_count() > 1)
            .map(|field| (*field, text.as_str()))
    }

    fn extension(&self, cells: &Cells<'_>, problems: &mut Vec<Problem>) -> Extension {
        let text = cells.text(Field::VirtualExtension).unwrap_or_default();
        if self.generate && cell::text(text).is_empty() {
            return Extension::Generate;
        }
        let number = cells.value(Field::VirtualExtension, VirtualExtension::parse, problems);
        number.map_or(Extension::Flawed, Extension::Given)
    }
}
