//! What an administrator has chosen for an upload, finished or not; and the job that it makes once it is whole.

use std::{collections::BTreeMap, num::NonZeroU32};

use serde::{Deserialize, Serialize};
use shared::{
    contract::{
        Id,
        job::{
            ColumnSource, ExtensionSource, Extensions, Fields, FixedList, FixedRole, IdColumn, ListSource,
            PasswordOptions, RoleSource, Security, Sip, TwoFactor,
        },
    },
    field::Field,
    file::Encoding,
    names,
};

use super::{imports::Settings, inspect::Inspected};
use crate::db::{Named, TenantLists};

/// Fields whose values are IDs of what the tenant has.
pub(super) const LISTS: [Field; 4] = [Field::Role, Field::Desks, Field::SkillGroups, Field::Tags];

/// Fields that are taken from a column and from nowhere else.
pub(super) const COLUMNS: [Field; 7] = [
    Field::Username,
    Field::Email,
    Field::VirtualExtension,
    Field::PbxDevice,
    Field::SipUri,
    Field::FirstName,
    Field::LastName,
];

/// Texts of a column for which IDs can be chosen. A file with more of them is better given IDs.
pub(super) const MOST_NAMES: usize = 100;

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Choices {
    /// Whether somebody has chosen; until then these are suggestions.
    pub(super) chosen: bool,
    /// Whether they are those of an earlier file with the same header.
    pub(super) remembered: bool,
    pub(super) encoding: Option<Encoding>,
    pub(super) columns: BTreeMap<Field, String>,
    pub(super) lists: BTreeMap<Field, ListChoice>,
    pub(super) generate: bool,
    pub(super) sip: SipKind,
    pub(super) pbx_domain: Option<Id>,
    pub(super) two_factor: TwoFactor,
    pub(super) advanced: bool,
    pub(super) max_session_minutes: String,
    pub(super) max_concurrent_sessions: String,
    pub(super) digits_only: bool,
}

/// Where a list of IDs comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ListChoice {
    pub(super) from: From,
    pub(super) ids: Vec<Id>,
    pub(super) column: String,
    /// IDs by texts of the column.
    pub(super) names: BTreeMap<String, Id>,
}

/// Where a list comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum From {
    #[default]
    Nowhere,
    Dialer,
    Column,
}

/// How users make calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SipKind {
    #[default]
    Webrtc,
    ClassicPbx,
    CustomUri,
    BuiltinPbx,
}

impl SipKind {
    pub(super) const ALL: [(Self, &'static str, &'static str, &'static str); 4] = [
        (
            Self::Webrtc,
            "webrtc",
            "Use WebRTC",
            "Calls by the softphone that is built into the Dialer.",
        ),
        (
            Self::ClassicPbx,
            "classic_pbx",
            "Use CommPeak classic PBX",
            "Calls by an existing PBX domain; the file has a device for each user.",
        ),
        (
            Self::CustomUri,
            "custom_uri",
            "Use Custom URI",
            "Calls by an external PBX; the file has a SIP URI for each user.",
        ),
        (
            Self::BuiltinPbx,
            "builtin_pbx",
            "Use Built-in PBX",
            "Calls by the built-in PBX; nothing more is needed.",
        ),
    ];

    /// The column that this kind needs.
    pub(super) const fn field(self) -> Option<Field> {
        match self {
            Self::ClassicPbx => Some(Field::PbxDevice),
            Self::CustomUri => Some(Field::SipUri),
            Self::Webrtc | Self::BuiltinPbx => None,
        }
    }
}

/// Kinds of two-factor authentication: value, name, explanation.
pub(super) const TWO_FACTOR: [(TwoFactor, &str, &str); 4] = [
    (
        TwoFactor::Default,
        "Default from Role/Tenant",
        "The setting of the role; where it has none, that of the tenant.",
    ),
    (
        TwoFactor::Disabled,
        "Disabled - login without 2FA",
        "No login security enhancements.",
    ),
    (
        TwoFactor::Email,
        "Email - with one-time code",
        "A one-time code is sent by e-mail at each login.",
    ),
    (
        TwoFactor::Google,
        "Google 2FA App - with one-time code",
        "Users confirm each login with the Google Authenticator app.",
    ),
];

/// What is not right yet: the field's name in the form, and a sentence.
pub(super) type Missing = (&'static str, String);

impl Choices {
    /// What an upload has stored.
    pub(super) fn stored(value: &serde_json::Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What the header of the file answers.
    pub(super) fn suggested(file: &Inspected, lists: &TenantLists, encoding: Option<Encoding>) -> Self {
        let suggested = &file.columns.suggested;
        let mut choices = Self {
            encoding,
            ..Self::default()
        };
        for field in COLUMNS {
            if let Some(column) = suggested.get(&field) {
                choices.columns.insert(field, column.clone());
            }
        }
        choices.generate =
            !choices.columns.contains_key(&Field::VirtualExtension) && lists.extension_range.is_some();
        for field in LISTS {
            let choice = match suggested.get(&field) {
                Some(column) => ListChoice {
                    from: From::Column,
                    column: column.clone(),
                    ..ListChoice::default()
                },
                None if field == Field::Role => ListChoice {
                    from: From::Dialer,
                    ..ListChoice::default()
                },
                None => ListChoice::default(),
            };
            choices.lists.insert(field, choice);
        }
        choices
    }

    /// What a form says. A choice that it does not show stays as it was.
    pub(super) fn read(form: &[(String, String)], before: Self) -> Self {
        let value = |name: &str| {
            form.iter()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.trim())
        };
        let mut choices = Self {
            chosen: true,
            remembered: false,
            generate: value("generate").is_some(),
            advanced: value("advanced").is_some(),
            digits_only: value("digits_only").is_some(),
            ..before
        };
        for field in COLUMNS {
            match value(&format!("column.{field}")) {
                Some("") => drop(choices.columns.remove(&field)),
                Some(column) => drop(choices.columns.insert(field, column.to_owned())),
                None => {}
            }
        }
        for field in LISTS {
            let Some(from) = value(&format!("from.{field}")) else {
                continue;
            };
            let list = choices.lists.entry(field).or_default();
            (list.from, list.column) = match (from, from.strip_prefix("column:")) {
                (_, Some(column)) => (From::Column, column.to_owned()),
                ("dialer", _) => (From::Dialer, String::new()),
                _ => (From::Nowhere, String::new()),
            };
            if value(&format!("shown.{field}")).is_some() {
                let name = format!("ids.{field}");
                let ids = form.iter().filter(|(own, _)| *own == name);
                list.ids = ids.filter_map(|(_, value)| id(value)).collect();
            }
            list.read_names(field, form);
        }
        if let Some(kind) = value("sip") {
            let kinds = SipKind::ALL.iter();
            choices.sip = kinds
                .map(|(own, name, ..)| (own, name))
                .find(|(_, name)| **name == kind)
                .map_or(SipKind::Webrtc, |(own, _)| *own);
        }
        if let Some(domain) = value("pbx_domain") {
            choices.pbx_domain = id(domain);
        }
        if let Some(kind) = value("two_factor") {
            let kinds = TWO_FACTOR.iter().map(|(own, ..)| *own);
            choices.two_factor = kinds
                .into_iter()
                .find(|own| own.as_str() == kind)
                .unwrap_or_default();
        }
        for (name, text) in [
            ("max_session_minutes", &mut choices.max_session_minutes),
            ("max_concurrent_sessions", &mut choices.max_concurrent_sessions),
        ] {
            if let Some(value) = value(name) {
                *text = value.chars().take(20).collect();
            }
        }
        choices
    }

    /// The job's part of it, or all that is missing.
    pub(super) fn settings(&self) -> Result<Settings, Vec<Missing>> {
        let mut missing: Vec<Missing> = Vec::new();
        for (field, name) in [(Field::Username, "username"), (Field::Email, "email")] {
            if !self.columns.contains_key(&field) {
                missing.push((name, "Choose the column.".to_owned()));
            }
        }
        if !self.generate && !self.columns.contains_key(&Field::VirtualExtension) {
            let sentence = "Choose the column, or let the numbers be generated.";
            missing.push(("virtual_extension", sentence.to_owned()));
        }
        let role = self.lists.get(&Field::Role);
        if role.is_none_or(|role| match role.from {
            From::Nowhere => true,
            From::Dialer => role.ids.is_empty(),
            From::Column => role.column.is_empty(),
        }) {
            missing.push(("role", "Choose a role, or the column of role IDs.".to_owned()));
        }
        let sip = match (self.sip, self.pbx_domain) {
            (SipKind::Webrtc, _) => Sip::Webrtc {},
            (SipKind::BuiltinPbx, _) => Sip::BuiltinPbx {},
            (SipKind::CustomUri, _) => Sip::CustomUri {},
            (SipKind::ClassicPbx, Some(pbx_domain_id)) => Sip::ClassicPbx { pbx_domain_id },
            (SipKind::ClassicPbx, None) => {
                missing.push(("pbx_domain", "Choose the PBX domain.".to_owned()));
                Sip::Webrtc {}
            }
        };
        match self.sip.field() {
            Some(field @ Field::PbxDevice) if !self.columns.contains_key(&field) => {
                missing.push(("pbx_device", "Choose the column of the devices.".to_owned()));
            }
            Some(field) if !self.columns.contains_key(&field) => {
                missing.push(("sip_uri", "Choose the column of the SIP URIs.".to_owned()));
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
            // An empty list: without any entry, the header would be asked.
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
        let names = self.names.iter().map(|(text, &id)| (text.clone(), vec![id]));
        IdColumn {
            column: self.column.clone(),
            names: names.collect(),
        }
    }

    /// Pairs of fields: a text of the column, and the ID that was chosen for it.
    fn read_names(&mut self, field: Field, form: &[(String, String)]) {
        let texts = format!("text.{field}.");
        let mut shown = false;
        let mut names = BTreeMap::new();
        for (name, text) in form {
            let Some(index) = name.strip_prefix(&texts) else {
                continue;
            };
            shown = true;
            let chosen = format!("id.{field}.{index}");
            let chosen = form.iter().find(|(own, _)| *own == chosen);
            if let Some(id) = chosen.and_then(|(_, value)| id(value)) {
                names.insert(text.clone(), id);
            }
        }
        if shown {
            self.names = names;
        }
    }
}

/// An ID as a form gives it.
fn id(text: &str) -> Option<Id> {
    text.trim()
        .parse::<i64>()
        .ok()
        .and_then(|id| Id::try_from(id).ok())
}

/// The texts of a column that are no IDs, each once, with what of the tenant's list has the same name.
pub(super) fn names_in(file: &Inspected, column: &str, list: &[Named]) -> Vec<(String, Option<i64>)> {
    let Some(position) = file.position(column) else {
        return Vec::new();
    };
    let by_name: BTreeMap<String, i64> = list
        .iter()
        .map(|named| (names::fold(&named.name), named.id))
        .collect();
    let mut found: BTreeMap<String, (String, Option<i64>)> = BTreeMap::new();
    for record in &file.records {
        let cell = record.cell(position).trim();
        let whole = names::fold(cell);
        // A name may hold what separates others.
        let parts: Vec<&str> = if by_name.contains_key(&whole) {
            vec![cell]
        } else {
            cell.split([';', '|', ',']).map(str::trim).collect()
        };
        for part in parts {
            if part.is_empty() || part.trim_start_matches('\'').parse::<i64>().is_ok() {
                continue;
            }
            let folded = names::fold(part);
            let same = by_name.get(&folded).copied();
            found.entry(folded).or_insert_with(|| (part.to_owned(), same));
        }
        if found.len() > MOST_NAMES {
            break;
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn a_whole_form_makes_a_job() {
        let choices = Choices::read(
            &form(&[
                ("column.username", "Login"),
                ("column.email", "Mail"),
                ("column.virtual_extension", ""),
                ("generate", "on"),
                ("from.role", "column:Role"),
                ("text.role.0", "Agents"),
                ("id.role.0", "10"),
                ("text.role.1", "Unknown"),
                ("id.role.1", ""),
                ("from.desks", "dialer"),
                ("shown.desks", "1"),
                ("ids.desks", "20"),
                ("ids.desks", "21"),
                ("sip", "classic_pbx"),
                ("pbx_domain", "50"),
                ("column.pbx_device", "Device"),
                ("two_factor", "google"),
                ("advanced", "on"),
                ("max_session_minutes", "480"),
                ("max_concurrent_sessions", ""),
            ]),
            Choices::default(),
        );
        let settings = choices.settings().unwrap();
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            serde_json::json!({
                "encoding": null,
                "fields": {
                    "username": { "column": "Login" },
                    "email": { "column": "Mail" },
                    "virtual_extension": { "generate": true },
                    "role": { "column": "Role", "names": { "Agents": [10] } },
                    "desks": { "values": [20, 21] },
                    "skill_groups": { "values": [] },
                    "tags": { "values": [] },
                    "pbx_device": { "column": "Device" },
                },
                "sip": { "kind": "classic_pbx", "pbx_domain_id": 50 },
                "two_factor": "google",
                "security": { "max_session_minutes": 480 },
                "password": { "digits_only": false },
            })
        );
        // What is stored comes back as it was.
        assert_eq!(Choices::stored(&choices.to_json()), choices);
    }

    #[test]
    fn an_unfinished_form_is_kept_and_says_what_is_missing() {
        for (pairs, missing) in [
            (&[][..], &["username", "email", "virtual_extension", "role"][..]),
            (
                &[
                    ("column.username", "U"),
                    ("column.email", "E"),
                    ("generate", "on"),
                    ("from.role", "dialer"),
                ][..],
                &["role"][..],
            ),
            (
                &[
                    ("column.username", "U"),
                    ("column.email", "E"),
                    ("generate", "on"),
                    ("from.role", "dialer"),
                    ("shown.role", "1"),
                    ("ids.role", "10"),
                    ("sip", "classic_pbx"),
                    ("advanced", "on"),
                    ("max_session_minutes", "0"),
                    ("max_concurrent_sessions", "two"),
                ][..],
                &[
                    "pbx_domain",
                    "pbx_device",
                    "max_session_minutes",
                    "max_concurrent_sessions",
                ][..],
            ),
        ] {
            let choices = Choices::read(&form(pairs), Choices::default());
            let told = choices.settings().unwrap_err();
            assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), missing);
            assert_eq!(Choices::stored(&choices.to_json()), choices);
        }
    }

    #[test]
    fn what_a_form_does_not_show_stays() {
        let before = Choices {
            pbx_domain: Id::try_from(50).ok(),
            columns: [(Field::PbxDevice, "Device".to_owned())].into(),
            ..Choices::default()
        };
        let after = Choices::read(&form(&[("sip", "webrtc")]), before.clone());
        assert_eq!(
            (after.pbx_domain, after.columns),
            (before.pbx_domain, before.columns)
        );
    }
}
