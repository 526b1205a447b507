//! From candidates to assessments: each row against the Dialer and against the rows before it. Every row ends as a new
//! user or with its problems, never both and never neither.

mod extension_range;
mod snapshot;

use std::collections::{HashMap, HashSet};

pub use extension_range::{ExtensionRange, InvalidRange};
pub use snapshot::{TenantSnapshot, check_fixed_values};

use crate::{
    contract::Id,
    field::Field,
    outcome::Outcome,
    problem::{Code, Flaw, Problem},
    row::{Candidate, Extension},
    user::{Email, IdList, Name, PbxDevice, SipUri, Username, VirtualExtension},
};

/// A row and its assessment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssessedRow {
    /// Number of the row, from 1.
    pub row: u32,
    /// Physical line in which it begins, from 1.
    pub line: u32,
    /// Its assessment.
    pub assessment: Assessment,
}

/// The assessment of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assessment {
    /// It is to become this user.
    Valid(Box<NewUser>),
    /// It cannot become a user.
    Refused {
        /// [`Outcome::Duplicate`] or [`Outcome::Error`].
        outcome: Outcome,
        /// All that is wrong, by field.
        problems: Vec<Problem>,
    },
}

/// A user that can be created. What is the same for all users of a file stays in the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// Login name.
    pub username: Username,
    /// E-mail address.
    pub email: Email,
    /// Virtual extension.
    pub virtual_extension: VirtualExtension,
    /// Whether the virtual extension was generated, and so may be replaced by another one.
    pub extension_generated: bool,
    /// IDs of roles, at least one, in the order of the file and each once; likewise the other lists.
    pub roles: Vec<Id>,
    /// IDs of desks.
    pub desks: Vec<Id>,
    /// IDs of skill groups.
    pub skill_groups: Vec<Id>,
    /// IDs of tags.
    pub tags: Vec<Id>,
    /// Device on the classic PBX.
    pub pbx_device: Option<PbxDevice>,
    /// SIP URI on an external PBX.
    pub sip_uri: Option<SipUri>,
    /// First name.
    pub first_name: Option<Name>,
    /// Last name.
    pub last_name: Option<Name>,
}

/// Gives each candidate its assessment, in their order.
pub fn assess(candidates: Vec<Candidate>, tenant: &TenantSnapshot) -> Vec<AssessedRow> {
    let mut seen = Seen::default();
    let checked: Vec<Candidate> = candidates
        .into_iter()
        .map(|mut candidate| {
            check_references(&mut candidate, tenant);
            seen.check(&mut candidate, tenant);
            candidate
        })
        .collect();

    let in_file: HashSet<&str> = seen.extensions.keys().map(String::as_str).collect();
    let numbers = tenant.extension_range.iter().flat_map(ExtensionRange::numbers);
    let mut free = numbers.filter(|number| {
        !in_file.contains(number.as_str()) && !tenant.extensions_in_use.contains(number.as_str())
    });
    checked
        .into_iter()
        .map(|candidate| conclude(candidate, &mut free, tenant))
        .collect()
}

/// Reports the IDs that the tenant does not have, one problem for each field. Where IDs with commas between thousands
/// are the tenant's without the commas, only those are reported.
fn check_references(candidate: &mut Candidate, tenant: &TenantSnapshot) {
    for (field, list, known) in [
        (Field::Role, &candidate.roles, &tenant.roles),
        (Field::Desks, &candidate.desks, &tenant.desks),
        (Field::SkillGroups, &candidate.skill_groups, &tenant.skill_groups),
        (Field::Tags, &candidate.tags, &tenant.tags),
    ] {
        let IdList {
            ids,
            not_ids,
            grouped,
        } = list;
        let grouped = grouped.iter().filter(|grouped| known.contains(&grouped.id.get()));
        let grouped: Vec<String> = grouped.map(|grouped| grouped.text.clone()).collect();
        if !grouped.is_empty() {
            candidate.problems.push(Problem::grouped_ids(field, &grouped));
            continue;
        }
        let unknown = ids
            .iter()
            .filter(|id| !known.contains(&id.get()))
            .map(Id::to_string);
        let wrong: Vec<String> = not_ids.iter().cloned().chain(unknown).collect();
        if !wrong.is_empty() {
            candidate.problems.push(Problem::unknown_reference(field, &wrong));
        }
    }
}

/// Where a row stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    row: u32,
    line: u32,
}

/// Where a value first occurs, and how it was typed there.
#[derive(Debug)]
struct First {
    place: Place,
    text: String,
}

/// The row in which each well-formed value first occurs, whatever the row's assessment.
#[derive(Debug, Default)]
struct Seen {
    usernames: HashMap<String, First>,
    emails: HashMap<String, First>,
    extensions: HashMap<String, Place>,
}

/// Whom a row duplicates: users of the Dialer, and earlier rows.
#[derive(Debug, Default)]
struct Duplicated {
    users: Vec<i64>,
    rows: Vec<Place>,
}

impl Seen {
    /// Compares a row with the Dialer and with the earlier rows, and then remembers it.
    fn check(&mut self, candidate: &mut Candidate, tenant: &TenantSnapshot) {
        let place = Place {
            row: candidate.row,
            line: candidate.line,
        };
        let problems = &mut candidate.problems;
        let mut duplicated = Duplicated::default();
        if let Some(username) = &candidate.username {
            let value = (
                Field::Username,
                username.text.as_str(),
                username.value.key().to_owned(),
            );
            duplicated.check(value, place, &mut self.usernames, &tenant.usernames, problems);
        }
        if let Some(email) = &candidate.email {
            let value = (Field::Email, email.text.as_str(), email.value.key().to_owned());
            duplicated.check(value, place, &mut self.emails, &tenant.emails, problems);
        }
        if let Extension::Given(number) = &candidate.extension {
            let number = number.as_str();
            let first = *self.extensions.entry(number.to_owned()).or_insert(place);
            problems.extend(duplicated.extension_problem(
                number,
                tenant.extensions.get(number),
                first,
                place,
            ));
        }
    }
}

impl Duplicated {
    fn check(
        &mut self,
        (field, text, key): (Field, &str, String),
        place: Place,
        seen: &mut HashMap<String, First>,
        users: &HashMap<String, i64>,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(&user) = users.get(&key) {
            problems.push(Problem::already_exists(field, text));
            self.users.push(user);
        }
        let first = seen.entry(key).or_insert_with(|| First {
            place,
            text: text.to_owned(),
        });
        if first.place != place {
            let Place { row, line } = first.place;
            problems.push(Problem::duplicate_in_file(field, text, &first.text, row, line));
            self.rows.push(first.place);
        }
    }

    /// A number that somebody else has. Nothing is reported if it belongs to the user or row that this row duplicates.
    fn extension_problem(
        &self,
        number: &str,
        user: Option<&i64>,
        first: Place,
        place: Place,
    ) -> Option<Problem> {
        match user {
            Some(user) => (!self.users.contains(user)).then(|| Problem::extension_taken(number)),
            None if first == place || self.rows.contains(&first) => None,
            None => Some(Problem::extension_taken_by_row(number, first.row, first.line)),
        }
    }
}

/// Decides about one row. Only a row without any other problem takes a generated number.
fn conclude(
    mut candidate: Candidate,
    free: &mut impl Iterator<Item = VirtualExtension>,
    tenant: &TenantSnapshot,
) -> AssessedRow {
    let (row, line) = (candidate.row, candidate.line);
    let mut problems = std::mem::take(&mut candidate.problems);
    if problems.is_empty() {
        match new_user(candidate, free, tenant) {
            Ok(user) => {
                return AssessedRow {
                    row,
                    line,
                    assessment: Assessment::Valid(Box::new(user)),
                };
            }
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort_by_key(order);
    AssessedRow {
        row,
        line,
        assessment: Assessment::Refused {
            outcome: Outcome::of(&problems),
            problems,
        },
    }
}

/// By field, problems of the whole row last; within a field in the order of the enum of codes.
fn order(problem: &Problem) -> (bool, Option<Field>, Code) {
    (problem.field.is_none(), problem.field, problem.code)
}

/// The user of a candidate without problems, or the one problem that only shows now: no number is left for it. A
/// missing field already has a problem by now; even if it had none, the row would not be created without it.
fn new_user(
    candidate: Candidate,
    free: &mut impl Iterator<Item = VirtualExtension>,
    tenant: &TenantSnapshot,
) -> Result<NewUser, Problem> {
    let missing = |field| Problem::flawed(field, "", &Flaw::Blank);
    let username = candidate.username.ok_or_else(|| missing(Field::Username))?;
    let email = candidate.email.ok_or_else(|| missing(Field::Email))?;
    let (virtual_extension, extension_generated) = match candidate.extension {
        Extension::Given(number) => (number, false),
        Extension::Generate => {
            let number = free.next();
            let range = tenant
                .extension_range
                .as_ref()
                .map(|range| (range.first(), range.last()));
            (
                number.ok_or_else(|| Problem::extension_range_exhausted(range))?,
                true,
            )
        }
        Extension::Flawed => return Err(missing(Field::VirtualExtension)),
    };
    Ok(NewUser {
        username: username.value,
        email: email.value,
        virtual_extension,
        extension_generated,
        roles: candidate.roles.ids,
        desks: candidate.desks.ids,
        skill_groups: candidate.skill_groups.ids,
        tags: candidate.tags.ids,
        pbx_device: candidate.pbx_device,
        sip_uri: candidate.sip_uri,
        first_name: candidate.first_name,
        last_name: candidate.last_name,
    })
}
