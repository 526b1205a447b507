//! What has to be known about the Dialer before candidates can be assessed.

use std::collections::BTreeSet;

use super::{Candidate, Extension};
use crate::{
    contract::{
        Id,
        job::{FixedList, FixedRole, IdColumn, Job, ListSource, RoleSource},
    },
    user::{IdList, IdNames},
};

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
    /// Virtual extensions in the file.
    pub extensions: BTreeSet<String>,
    /// Whether the tenant's range of virtual extensions is needed, to generate numbers.
    pub extension_range: bool,
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
