//! What can be chosen, as an upload stores it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::{
    contract::{Id, job::TwoFactor},
    field::Field,
    file::Encoding,
};

use crate::{console::inspect::Inspected, db::TenantLists};

/// Fields whose values are IDs of what the tenant has.
pub(in crate::console) const LISTS: [Field; 4] = [Field::Role, Field::Desks, Field::SkillGroups, Field::Tags];

/// Fields that are taken from a column and from nowhere else.
pub(in crate::console) const COLUMNS: [Field; 7] = [
    Field::Username,
    Field::Email,
    Field::VirtualExtension,
    Field::PbxDevice,
    Field::SipUri,
    Field::FirstName,
    Field::LastName,
];

/// What was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Choices {
    /// Whether somebody has chosen; until then these are suggestions.
    pub(in crate::console) chosen: bool,
    /// Whether they are those of an earlier file with the same header.
    pub(in crate::console) remembered: bool,
    pub(in crate::console) encoding: Option<Encoding>,
    pub(in crate::console) columns: BTreeMap<Field, String>,
    pub(in crate::console) lists: BTreeMap<Field, ListChoice>,
    pub(in crate::console) generate: bool,
    /// Whether that was suggested, and not the administrator's own choice.
    pub(in crate::console) generate_suggested: bool,
    pub(in crate::console) sip: SipKind,
    pub(in crate::console) pbx_domain: Option<Id>,
    pub(in crate::console) two_factor: TwoFactor,
    pub(in crate::console) advanced: bool,
    pub(in crate::console) max_session_minutes: String,
    pub(in crate::console) max_concurrent_sessions: String,
    pub(in crate::console) digits_only: bool,
}

/// Where a list of IDs comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::console) struct ListChoice {
    pub(in crate::console) from: From,
    pub(in crate::console) ids: Vec<Id>,
    pub(in crate::console) column: String,
    /// IDs by texts of the column, including those of earlier files with the same header; `None` if a text was left
    /// without one.
    pub(in crate::console) names: BTreeMap<String, Option<Id>>,
}

/// Where a list comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::console) enum From {
    #[default]
    Nowhere,
    Dialer,
    Column,
}

/// How users make calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::console) enum SipKind {
    #[default]
    Webrtc,
    ClassicPbx,
    CustomUri,
    BuiltinPbx,
}

impl SipKind {
    pub(in crate::console) const ALL: [(Self, &'static str, &'static str, &'static str); 4] = [
        (
            Self::Webrtc,
            "webrtc",
            "Use WebRTC",
            "Users call with the softphone that is built into the Dialer.",
        ),
        (
            Self::ClassicPbx,
            "classic_pbx",
            "Use CommPeak classic PBX",
            "Users call through an existing PBX domain; the file has a device for each user.",
        ),
        (
            Self::CustomUri,
            "custom_uri",
            "Use Custom URI",
            "Users call through an external PBX; the file has a SIP URI for each user.",
        ),
        (
            Self::BuiltinPbx,
            "builtin_pbx",
            "Use Built-in PBX",
            "Users call through the built-in PBX; nothing else is needed.",
        ),
    ];

    /// The column that this kind needs.
    pub(in crate::console) const fn field(self) -> Option<Field> {
        match self {
            Self::ClassicPbx => Some(Field::PbxDevice),
            Self::CustomUri => Some(Field::SipUri),
            Self::Webrtc | Self::BuiltinPbx => None,
        }
    }
}

/// Kinds of two-factor authentication: value, name, explanation.
pub(in crate::console) const TWO_FACTOR: [(TwoFactor, &str, &str); 4] = [
    (
        TwoFactor::Default,
        "Default from Role/Tenant",
        "The role's setting or, if it has none, the tenant's.",
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

impl Choices {
    /// What an upload has stored.
    pub(in crate::console) fn stored(value: &serde_json::Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or_default()
    }

    pub(in crate::console) fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What the header of the file suggests.
    pub(in crate::console) fn suggested(
        file: &Inspected,
        lists: &TenantLists,
        encoding: Option<Encoding>,
    ) -> Self {
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
        choices.generate_suggested = choices.generate;
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

    /// These choices for another file, or for the same one read differently from now on: columns are named as this file
    /// spells them, those that it does not have are chosen anew, and all else stays, including that a field has no
    /// column.
    pub(in crate::console) fn fitted(self, file: &Inspected, mut suggested: Self) -> Self {
        let columns: BTreeMap<Field, String> = self
            .columns
            .into_iter()
            .filter_map(|(field, name)| {
                let there = file.spelling(&name);
                Some((field, there.or_else(|| suggested.columns.get(&field).cloned())?))
            })
            .collect();
        let mut lists = self.lists;
        lists.retain(|_, choice| match file.spelling(&choice.column) {
            _ if choice.from != From::Column => true,
            Some(name) => {
                choice.column = name;
                true
            }
            None => false,
        });
        for field in LISTS {
            let suggested = suggested.lists.remove(&field).unwrap_or_default();
            lists.entry(field).or_insert(suggested);
        }
        Self {
            columns,
            lists,
            ..self
        }
    }
}
