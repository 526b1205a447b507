//! The job that the choices make, or what is missing.

use std::num::NonZeroU32;

use shared::{
    contract::{
        Id,
        job::{
            ColumnSource, ExtensionSource, Extensions, Fields, FixedList, FixedRole, IdColumn, Job,
            ListSource, PasswordOptions, RoleSource, Security, Sip,
        },
    },
    field::Field,
    mapping::Mapping,
};

use super::chosen::{COLUMNS, Choices, From, ListChoice, SipKind};
use crate::console::imports::Settings;

/// What is not right yet: the field's name in the form, and a sentence.
pub(in crate::console) type Missing = (&'static str, String);

impl Choices {
    /// The settings of the job, or all that is missing.
    pub(in crate::console) fn settings(&self) -> Result<Settings, Vec<Missing>> {
        let mut missing: Vec<Missing> = Vec::new();
        for (field, name) in [(Field::Username, "username"), (Field::Email, "email")] {
            if !self.columns.contains_key(&field) {
                missing.push((name, "Choose a column.".to_owned()));
            }
        }
        if !self.generate && !self.columns.contains_key(&Field::VirtualExtension) {
            let sentence = "Choose a column, or have the numbers generated.";
            missing.push(("virtual_extension", sentence.to_owned()));
        }
        let role = self.lists.get(&Field::Role);
        if role.is_none_or(|role| match role.from {
            From::Nowhere => true,
            From::Dialer => role.ids.is_empty(),
            From::Column => role.column.is_empty(),
        }) {
            missing.push(("role", "Choose a role, or a column with role IDs.".to_owned()));
        }
        let sip = match (self.sip, self.pbx_domain) {
            (SipKind::Webrtc, _) => Sip::Webrtc {},
            (SipKind::BuiltinPbx, _) => Sip::BuiltinPbx {},
            (SipKind::CustomUri, _) => Sip::CustomUri {},
            (SipKind::ClassicPbx, Some(pbx_domain_id)) => Sip::ClassicPbx { pbx_domain_id },
            (SipKind::ClassicPbx, None) => {
                missing.push(("pbx_domain", "Choose a PBX domain.".to_owned()));
                Sip::Webrtc {}
            }
        };
        match self.sip.field() {
            Some(field @ Field::PbxDevice) if !self.columns.contains_key(&field) => {
                missing.push(("pbx_device", "Choose the column with the devices.".to_owned()));
            }
            Some(field) if !self.columns.contains_key(&field) => {
                missing.push(("sip_uri", "Choose the column with the SIP URIs.".to_owned()));
            }
            _ => {}
        }
        let mut limit = |name: &'static str, text: &str| match text {
            _ if !self.advanced => None,
            "" => None,
            text => {
                let number = text.parse::<NonZeroU32>().ok();
                if number.is_none() {
                    missing.push((
                        name,
                        "Enter a positive whole number, or leave it empty.".to_owned(),
                    ));
                }
                number
            }
        };
        let security = Security {
            max_session_minutes: limit("max_session_minutes", &self.max_session_minutes),
            max_concurrent_sessions: limit("max_concurrent_sessions", &self.max_concurrent_sessions),
        };
        if !missing.is_empty() {
            return Err(missing);
        }
        Ok(Settings {
            encoding: self.encoding,
            fields: self.fields(),
            sip,
            two_factor: self.two_factor,
            security,
            password: PasswordOptions {
                digits_only: self.digits_only,
            },
        })
    }

    /// The choices that make this job, for a file with these columns. Names that stand for several IDs at once cannot
    /// be chosen, and are left to whoever reviews the choices.
    pub(in crate::console) fn of_job(job: &Job, names: &[String], mapping: &Mapping) -> Self {
        let name_of = |field| names.get(mapping.column(field)?).cloned();
        let columns = COLUMNS
            .into_iter()
            .filter_map(|field| Some((field, name_of(field)?)))
            .collect();
        let fixed = |ids: &[Id]| ListChoice {
            from: From::Dialer,
            ids: ids.to_vec(),
            ..ListChoice::default()
        };
        let from_column = |field, source: Option<&IdColumn>| {
            let names = source.into_iter().flat_map(|source| &source.names);
            let names = names.filter_map(|(text, ids)| match ids.as_slice() {
                &[id] => Some((text.clone(), Some(id))),
                _ => None,
            });
            name_of(field).map_or_else(ListChoice::default, |column| ListChoice {
                from: From::Column,
                column,
                names: names.collect(),
                ..ListChoice::default()
            })
        };
        let list = |field, source: &Option<ListSource>| match source {
            Some(ListSource::Fixed(list)) => fixed(&list.values),
            Some(ListSource::Column(column)) => from_column(field, Some(column)),
            Some(ListSource::Ignored(_)) | None => from_column(field, None),
        };
        let fields = &job.fields;
        let role = match &fields.role {
            Some(RoleSource::Fixed(role)) => fixed(&[role.value]),
            Some(RoleSource::Column(column)) => from_column(Field::Role, Some(column)),
            Some(RoleSource::Ignored(_)) | None => from_column(Field::Role, None),
        };
        let (sip, pbx_domain) = match job.sip {
            Sip::Webrtc {} => (SipKind::Webrtc, None),
            Sip::ClassicPbx { pbx_domain_id } => (SipKind::ClassicPbx, Some(pbx_domain_id)),
            Sip::CustomUri {} => (SipKind::CustomUri, None),
            Sip::BuiltinPbx {} => (SipKind::BuiltinPbx, None),
        };
        let number = |limit: Option<NonZeroU32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        Self {
            chosen: true,
            columns,
            lists: [
                (Field::Role, role),
                (Field::Desks, list(Field::Desks, &fields.desks)),
                (Field::SkillGroups, list(Field::SkillGroups, &fields.skill_groups)),
                (Field::Tags, list(Field::Tags, &fields.tags)),
            ]
            .into(),
            generate: fields
                .virtual_extension
                .as_ref()
                .is_some_and(ExtensionSource::is_generated),
            sip,
            pbx_domain,
            two_factor: job.two_factor,
            advanced: job.security != Security::default(),
            max_session_minutes: number(job.security.max_session_minutes),
            max_concurrent_sessions: number(job.security.max_concurrent_sessions),
            digits_only: job.password.digits_only,
            ..Self::default()
        }
    }

    fn fields(&self) -> Fields {
        let column = |field| {
            let column = self.columns.get(&field)?;
            Some(ColumnSource::named(column.clone()))
        };
        let list = |field| match self.lists.get(&field) {
            Some(list) if list.from == From::Column => ListSource::Column(list.id_column()),
            Some(list) if list.from == From::Dialer => ListSource::Fixed(FixedList {
                values: list.ids.clone(),
            }),
            // An empty list: without any entry, the header would decide.
            _ => ListSource::Fixed(FixedList { values: Vec::new() }),
        };
        let role = self.lists.get(&Field::Role).and_then(|role| match role.from {
            From::Column => Some(RoleSource::Column(role.id_column())),
            From::Dialer | From::Nowhere => role
                .ids
                .first()
                .map(|&value| RoleSource::Fixed(FixedRole { value })),
        });
        Fields {
            username: column(Field::Username),
            email: column(Field::Email),
            virtual_extension: Some(ExtensionSource::Given(Extensions {
                column: self.columns.get(&Field::VirtualExtension).cloned(),
                generate: self.generate,
            })),
            role,
            desks: Some(list(Field::Desks)),
            skill_groups: Some(list(Field::SkillGroups)),
            tags: Some(list(Field::Tags)),
            pbx_device: (self.sip == SipKind::ClassicPbx)
                .then(|| column(Field::PbxDevice))
                .flatten(),
            sip_uri: (self.sip == SipKind::CustomUri)
                .then(|| column(Field::SipUri))
                .flatten(),
            first_name: column(Field::FirstName),
            last_name: column(Field::LastName),
        }
    }
}

impl ListChoice {
    /// The column as the job names it. Texts that were given no ID are left to be read as IDs.
    fn id_column(&self) -> IdColumn {
        let names = self
            .names
            .iter()
            .filter_map(|(text, id)| Some((text.clone(), vec![(*id)?])));
        IdColumn {
            column: self.column.clone(),
            names: names.collect(),
        }
    }
}
