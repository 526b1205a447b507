//! Which of the things that a file names exist in the Dialer: looked up by the worker, for one tenant only.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::ExtensionRange;
use crate::{
    contract::job::Job,
    field::Field,
    rejection::{Rejection, RejectionCode},
    row::Fixed,
    user::IdList,
};

/// What the worker found for [`crate::row::Lookups`]. IDs that are inactive or another tenant's are not in it, so that
/// they cannot be told apart from IDs that do not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantSnapshot {
    /// Active roles of the tenant.
    pub roles: HashSet<i64>,
    /// Desks of the tenant.
    pub desks: HashSet<i64>,
    /// Skill groups of the tenant.
    pub skill_groups: HashSet<i64>,
    /// Tags of the tenant.
    pub tags: HashSet<i64>,
    /// PBX domains of the tenant.
    pub pbx_domains: HashSet<i64>,
    /// Users by the key of their username.
    pub usernames: HashMap<String, i64>,
    /// Users by the key of their e-mail address.
    pub emails: HashMap<String, i64>,
    /// Users by their virtual extension.
    pub extensions: HashMap<String, i64>,
    /// The numbers that may be generated, if the tenant has any.
    pub extension_range: Option<ExtensionRange>,
    /// Numbers of that range that must not be generated: those of users, and those that other imports reserved.
    pub extensions_in_use: BTreeSet<String>,
}

/// Rejects a job as `unknown_reference` if IDs that it gives to all users, or to texts in a column, are not the
/// tenant's. Does not tell whether they are inactive, another tenant's or nobody's.
pub fn check_fixed_values(job: &Job, tenant: &TenantSnapshot) -> Result<(), Rejection> {
    let fixed = Fixed::of(job);
    let lists = [
        (Field::Role.label(), fixed.roles, &tenant.roles),
        (Field::Desks.label(), fixed.desks, &tenant.desks),
        (
            Field::SkillGroups.label(),
            fixed.skill_groups,
            &tenant.skill_groups,
        ),
        (Field::Tags.label(), fixed.tags, &tenant.tags),
        (
            "PBX domain",
            job.sip.pbx_domain_id().map(|id| IdList::of(&[id])),
            &tenant.pbx_domains,
        ),
    ];
    let mut unknown = Vec::new();
    for (label, list, known) in lists {
        let ids = list.unwrap_or_default().ids;
        unknown.extend(
            ids.iter()
                .filter(|id| !known.contains(&id.get()))
                .map(|id| format!("{label} {id}")),
        );
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!(
        "these IDs, which were chosen for all users or for names in a column, are not active ones of this tenant: {}; choose others",
        unknown.join(", ")
    );
    Err(Rejection::new(RejectionCode::UnknownReference, message))
}
