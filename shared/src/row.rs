//! From records to candidates: each field on its own, by the form of its value. What the Dialer has, and what the
//! other rows have, is for [`crate::assess`].

use std::collections::BTreeSet;

use strum::VariantArray;

use crate::{
    cell,
    contract::{
        Id,
        job::{ExtensionSource, FixedList, FixedRole, IdColumn, Job, ListSource, RoleSource},
    },
    damage,
    field::Field,
    file::{Delimiter, Header, Record, SourceFile},
    mapping::Mapping,
    problem::{Code, Damage, Flaw, Problem},
    user::{Email, IdList, IdNames, Name, PbxDevice, SipUri, Username, VirtualExtension, parse_ids},
};

/// A record whose fields have been read. A field of wrong form is missing here and has a problem instead.
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
    /// It stands in the file.
    Given(VirtualExtension),
    /// It is to be generated.
    Generate,
    /// It has a problem.
    Flawed,
}

/// What the worker has to look up in the Dialer, for one tenant, before the candidates can be assessed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lookups {
    /// IDs of roles.
    pub roles: BTreeSet<i64>,
    /// IDs of desks.
    pub desks: BTreeSet<i64>,
    /// IDs of skill groups.
    pub skill_groups: BTreeSet<i64>,
    /// IDs of tags.
    pub tags: BTreeSet<i64>,
    /// IDs of PBX domains.
    pub pbx_domains: BTreeSet<i64>,
    /// Keys of usernames.
    pub usernames: BTreeSet<String>,
    /// Keys of e-mail addresses.
    pub emails: BTreeSet<String>,
    /// Virtual extensions that stand in the file.
    pub extensions: BTreeSet<String>,
    /// Whether the tenant's range of virtual extensions is needed, to generate numbers.
    pub extension_range: bool,
}

/// Reads the fields of all records, in their order.
pub fn read(file: &SourceFile, mapping: &Mapping, job: &Job) -> Vec<Candidate> {
    let reader = Reader::new(file, mapping, job);
    file.records.iter().map(|record| reader.read(record)).collect()
}

/// What is to be looked up for these candidates, and for the values that the job gives to all users.
pub fn lookups(candidates: &[Candidate], job: &Job) -> Lookups {
    let mut lookups = Lookups {
        pbx_domains: job.sip.pbx_domain_id().map(Id::get).into_iter().collect(),
        ..Lookups::default()
    };
    let fixed = Fixed::of(job);
    for (ids, list) in [
        (&mut lookups.roles, fixed.roles),
        (&mut lookups.desks, fixed.desks),
        (&mut lookups.skill_groups, fixed.skill_groups),
        (&mut lookups.tags, fixed.tags),
    ] {
        ids.extend(list.into_iter().flat_map(|list| list.ids).map(Id::get));
    }
    for candidate in candidates {
        for (ids, list) in [
            (&mut lookups.roles, &candidate.roles),
            (&mut lookups.desks, &candidate.desks),
            (&mut lookups.skill_groups, &candidate.skill_groups),
            (&mut lookups.tags, &candidate.tags),
        ] {
            let grouped = list.grouped.iter().map(|grouped| grouped.id);
            ids.extend(list.ids.iter().copied().chain(grouped).map(Id::get));
        }
        lookups.usernames.extend(
            candidate
                .username
                .as_ref()
                .map(|username| username.value.key().to_owned()),
        );
        lookups
            .emails
            .extend(candidate.email.as_ref().map(|email| email.value.key().to_owned()));
        match &candidate.extension {
            Extension::Given(number) => {
                lookups.extensions.insert(number.as_str().to_owned());
            }
            Extension::Generate => lookups.extension_range = true,
            Extension::Flawed => {}
        }
    }
    lookups
}

/// The lists that the job gives: to all users, or as what texts in a column stand for. `None` where it gives none.
pub(crate) struct Fixed {
    pub(crate) roles: Option<IdList>,
    pub(crate) desks: Option<IdList>,
    pub(crate) skill_groups: Option<IdList>,
    pub(crate) tags: Option<IdList>,
}

impl Fixed {
    pub(crate) fn of(job: &Job) -> Self {
        let of_names = |column: &IdColumn| {
            let ids: Vec<Id> = IdNames::of(column).ids().collect();
            (!ids.is_empty()).then(|| IdList::of(&ids))
        };
        let list = |source: &Option<ListSource>| match source {
            Some(ListSource::Fixed(FixedList { values })) => Some(IdList::of(values)),
            Some(ListSource::Column(column)) => of_names(column),
            Some(ListSource::Ignored(_)) | None => None,
        };
        let roles = match &job.fields.role {
            Some(RoleSource::Fixed(FixedRole { value })) => Some(IdList::of(&[*value])),
            Some(RoleSource::Column(column)) => of_names(column),
            Some(RoleSource::Ignored(_)) | None => None,
        };
        Self {
            roles,
            desks: list(&job.fields.desks),
            skill_groups: list(&job.fields.skill_groups),
            tags: list(&job.fields.tags),
        }
    }
}

/// Where the IDs of a field come from.
enum Ids {
    /// The same for all users.
    Fixed(IdList),
    /// The cell, in which these texts stand for IDs.
    Cell(IdNames),
}

impl Ids {
    fn of_role(source: Option<&RoleSource>) -> Self {
        match source {
            Some(RoleSource::Fixed(FixedRole { value })) => Self::Fixed(IdList::of(&[*value])),
            Some(RoleSource::Column(column)) => Self::Cell(IdNames::of(column)),
            Some(RoleSource::Ignored(_)) | None => Self::Cell(IdNames::default()),
        }
    }

    fn of_list(source: Option<&ListSource>) -> Self {
        match source {
            Some(ListSource::Fixed(FixedList { values })) => Self::Fixed(IdList::of(values)),
            Some(ListSource::Column(column)) => Self::Cell(IdNames::of(column)),
            Some(ListSource::Ignored(_)) | None => Self::Cell(IdNames::default()),
        }
    }
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
            // What seems to be blank stands in that cell.
            problems.retain(|problem| problem.field == Some(field) || problem.code != Code::Required);
            for problem in problems.iter_mut().filter(|problem| problem.field == Some(field)) {
                *problem = Problem::whole_line(field, text, problem.code);
            }
        }
        candidate.problems = problems;
        candidate
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
        // The raw cell may be gone, as one of a password is.
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

/// Lets a parser keep the text.
fn typed<T>(parse: impl FnOnce(&str) -> Result<T, Flaw>) -> impl FnOnce(&str) -> Result<Typed<T>, Flaw> {
    |text| {
        Ok(Typed {
            value: parse(text)?,
            text: cell::trim(text).to_owned(),
        })
    }
}

/// The cells of one record, by field.
struct Cells<'r> {
    record: &'r Record,
    mapping: &'r Mapping,
}

impl<'r> Cells<'r> {
    fn text(&self, field: Field) -> Option<&'r str> {
        self.mapping.column(field).map(|column| self.record.cell(column))
    }

    /// The value of a field, or a problem.
    fn value<T>(
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
    fn list(&self, field: Field, ids: &Ids, problems: &mut Vec<Problem>) -> IdList {
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
