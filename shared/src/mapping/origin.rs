//! What the job says about where each field comes from.

use crate::{
    contract::job::{ColumnSource, ExtensionSource, Extensions, Job, ListSource, RoleSource, Sip},
    field::Field,
};

/// Where the job says that a field comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'j> {
    /// The column of this name.
    Column(&'j str),
    /// The column that the header gives to the field.
    Header,
    /// No column: a value for all users, generated, or of an option that was not chosen.
    Elsewhere,
    /// No column, and nothing instead: the job ignores the field.
    Nowhere,
}

pub(super) fn origin(field: Field, job: &Job) -> Origin<'_> {
    let fields = &job.fields;
    match field {
        Field::Username => of_column(fields.username.as_ref()),
        Field::Email => of_column(fields.email.as_ref()),
        Field::VirtualExtension => match &fields.virtual_extension {
            Some(ExtensionSource::Given(given)) => of_extensions(given),
            Some(ExtensionSource::Ignored(_)) => Origin::Nowhere,
            None => Origin::Header,
        },
        Field::Role => match &fields.role {
            Some(RoleSource::Column(column)) => Origin::Column(&column.column),
            Some(RoleSource::Fixed(_)) => Origin::Elsewhere,
            Some(RoleSource::Ignored(_)) => Origin::Nowhere,
            None => Origin::Header,
        },
        Field::Desks => of_list(fields.desks.as_ref()),
        Field::SkillGroups => of_list(fields.skill_groups.as_ref()),
        Field::Tags => of_list(fields.tags.as_ref()),
        Field::PbxDevice if matches!(job.sip, Sip::ClassicPbx { .. }) => {
            of_column(fields.pbx_device.as_ref())
        }
        Field::SipUri if matches!(job.sip, Sip::CustomUri {}) => of_column(fields.sip_uri.as_ref()),
        Field::PbxDevice | Field::SipUri => Origin::Elsewhere,
        Field::FirstName => of_column(fields.first_name.as_ref()),
        Field::LastName => of_column(fields.last_name.as_ref()),
    }
}

fn of_column(source: Option<&ColumnSource>) -> Origin<'_> {
    match source {
        Some(ColumnSource::Column(column)) => Origin::Column(&column.column),
        Some(ColumnSource::Ignored(_)) => Origin::Nowhere,
        None => Origin::Header,
    }
}

fn of_extensions(given: &Extensions) -> Origin<'_> {
    match (&given.column, given.generate) {
        (Some(name), _) => Origin::Column(name),
        (None, true) => Origin::Elsewhere,
        (None, false) => Origin::Header,
    }
}

fn of_list(source: Option<&ListSource>) -> Origin<'_> {
    match source {
        Some(ListSource::Column(column)) => Origin::Column(&column.column),
        Some(ListSource::Fixed(_)) => Origin::Elsewhere,
        Some(ListSource::Ignored(_)) => Origin::Nowhere,
        None => Origin::Header,
    }
}
