//! From records to candidates: each field on its own, by the form of its value. What the Dialer has, and what the
//! other rows have, is for [`crate::assess`].

use std::collections::BTreeSet;

use crate::{
    cell,
    contract::{
        Id,
        job::{Job, ListSource, RoleSource},
    },
    field::Field,
    file::{Record, SourceFile},
    mapping::{self, Mapping},
    problem::{Flaw, Problem},
    user::{Email, IdList, Name, PbxDevice, SipUri, Username, VirtualExtension, parse_ids},
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
    let reader = Reader::new(mapping, job);
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
        lookups
            .roles
            .extend(candidate.roles.ids.iter().map(|id| id.get()));
        lookups
            .desks
            .extend(candidate.desks.ids.iter().map(|id| id.get()));
        lookups
            .skill_groups
            .extend(candidate.skill_groups.ids.iter().map(|id| id.get()));
        lookups.tags.extend(candidate.tags.ids.iter().map(|id| id.get()));
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

/// The lists that the job gives to all users; `None` where the file has them, or nobody.
pub(crate) struct Fixed {
    pub(crate) roles: Option<IdList>,
    pub(crate) desks: Option<IdList>,
    pub(crate) skill_groups: Option<IdList>,
    pub(crate) tags: Option<IdList>,
}

impl Fixed {
    pub(crate) fn of(job: &Job) -> Self {
        let list = |source: &Option<ListSource>| match source {
            Some(ListSource::Values(ids)) => Some(IdList::of(ids)),
            Some(ListSource::Column(_)) | None => None,
        };
        let roles = match job.fields.role {
            Some(RoleSource::Value(id)) => Some(IdList::of(&[id])),
            Some(RoleSource::Column(_)) | None => None,
        };
        Self {
            roles,
            desks: list(&job.fields.desks),
            skill_groups: list(&job.fields.skill_groups),
            tags: list(&job.fields.tags),
        }
    }
}

/// Reads the records of one file.
struct Reader<'m> {
    mapping: &'m Mapping,
    fixed: Fixed,
    generate: bool,
}

impl<'m> Reader<'m> {
    fn new(mapping: &'m Mapping, job: &Job) -> Self {
        let generate = job
            .fields
            .virtual_extension
            .as_ref()
            .is_some_and(|source| source.generate);
        Self {
            mapping,
            fixed: Fixed::of(job),
            generate,
        }
    }

    fn read(&self, record: &Record) -> Candidate {
        let mut problems = Vec::new();
        let cells = Cells {
            record,
            mapping: self.mapping,
        };
        Candidate {
            row: record.row,
            line: record.line,
            username: cells.value(Field::Username, typed(Username::parse), &mut problems),
            email: cells.value(Field::Email, typed(Email::parse), &mut problems),
            extension: self.extension(&cells, &mut problems),
            roles: cells.list(Field::Role, self.fixed.roles.as_ref(), &mut problems),
            desks: cells.list(Field::Desks, self.fixed.desks.as_ref(), &mut problems),
            skill_groups: cells.list(
                Field::SkillGroups,
                self.fixed.skill_groups.as_ref(),
                &mut problems,
            ),
            tags: cells.list(Field::Tags, self.fixed.tags.as_ref(), &mut problems),
            pbx_device: cells.value(Field::PbxDevice, PbxDevice::parse, &mut problems),
            sip_uri: cells.value(Field::SipUri, SipUri::parse, &mut problems),
            first_name: cells.value(Field::FirstName, Name::parse, &mut problems),
            last_name: cells.value(Field::LastName, Name::parse, &mut problems),
            problems: {
                if record.surplus.count > 0 {
                    problems.push(Problem::wrong_column_count(&record.surplus));
                }
                problems
            },
        }
    }

    fn extension(&self, cells: &Cells<'_>, problems: &mut Vec<Problem>) -> Extension {
        let text = cells.text(Field::VirtualExtension).unwrap_or_default();
        if self.generate && cell::is_blank(text) {
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
        let text = self.text(field)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(Flaw::Blank) if !mapping::is_required(field) => None,
            Err(flaw) => {
                problems.push(Problem::flawed(field, text, &flaw));
                None
            }
        }
    }

    /// The IDs of a field: those for all users, or those of the cell.
    fn list(&self, field: Field, fixed: Option<&IdList>, problems: &mut Vec<Problem>) -> IdList {
        if let Some(list) = fixed {
            return list.clone();
        }
        let is_required = mapping::is_required(field);
        let parse = |text: &str| match parse_ids(text) {
            Ok(list) if is_required && list.ids.is_empty() && list.not_ids.is_empty() => Err(Flaw::Blank),
            result => result,
        };
        self.value(field, parse, problems).unwrap_or_default()
    }
}
