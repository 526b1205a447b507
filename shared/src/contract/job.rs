//! The job: what the Dialer publishes to ask for an import.

mod parse;

use std::{collections::BTreeMap, num::NonZeroU32};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Id, Version};
use crate::{file::Encoding, names};

pub use parse::{InvalidJob, MAX_JOB_BYTES, parse};

/// Asks for the import of one uploaded file. Publishing the same job again does not import the file again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Version of the contract.
    pub version: Version,
    /// Chosen by the Dialer; identifies the import from then on.
    pub import_id: Uuid,
    /// Whose users are created.
    pub tenant_id: Id,
    /// Who pressed the button, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub requested_by: Option<String>,
    /// Whether users are created, or only the file is checked.
    #[serde(default)]
    pub mode: Mode,
    /// The uploaded file.
    pub source: Source,
    /// Where the value of each field comes from. A field without an entry is matched to the header by its name.
    #[serde(default)]
    pub fields: Fields,
    /// How all users of the file make calls.
    #[serde(default)]
    pub sip: Sip,
    /// Two-factor authentication of all users of the file.
    #[serde(default)]
    pub two_factor: TwoFactor,
    /// Session limits of all users of the file.
    #[serde(default)]
    pub security: Security,
    /// How temporary passwords are made.
    #[serde(default)]
    pub password: PasswordOptions,
}

/// Whether an import creates users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Creates the users.
    #[default]
    Import,
    /// Creates none, and reports what would happen.
    Validate,
}

impl Mode {
    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Validate => "validate",
        }
    }
}

/// The uploaded file in object storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Object key; it must begin with `tenants/<tenant_id>/`.
    #[schemars(length(min = 1, max = 1024))]
    pub key: String,
    /// ETag of the upload. If the object has another one by now, the import is rejected as `object_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub etag: Option<String>,
    /// Size of the upload in bytes. If the object has another one by now, the import is rejected as
    /// `object_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The encoding of the file, where it is not UTF-8, UTF-16 with a byte order mark, or Windows-1252: any label of the
    /// WHATWG Encoding Standard. A file that contradicts it is rejected as `undecodable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

impl Source {
    /// Whether the key is one of our success CSVs, which hold passwords and are never read again.
    pub fn is_success_report(&self, tenant_id: Id) -> bool {
        let Some(rest) = self.key.strip_prefix(&tenant_prefix(tenant_id)) else {
            return false;
        };
        let parts: Vec<&str> = rest.split('/').collect();
        let &["imports", import_id, attempt, "success.csv"] = parts.as_slice() else {
            return false;
        };
        let attempt = attempt.strip_prefix("attempt-");
        Uuid::try_parse(import_id).is_ok() && attempt.is_some_and(|attempt| attempt.parse::<u32>().is_ok())
    }

    /// Whether the key lies under the tenant's prefix, without ways around it: a store that maps keys to paths would
    /// follow `..`.
    pub fn is_of_tenant(&self, tenant_id: Id) -> bool {
        let Some(rest) = self.key.strip_prefix(&tenant_prefix(tenant_id)) else {
            return false;
        };
        self.key.len() <= MAX_KEY_BYTES
            && !rest.contains(|c: char| c == '\\' || c.is_control())
            && rest.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
    }
}

/// Longest object key in bytes. Source: Amazon S3 User Guide, "Naming Amazon S3 objects".
const MAX_KEY_BYTES: usize = 1024;

/// Where the value of each field comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Login name, required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Column>,
    /// E-mail address, required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Column>,
    /// Virtual extension, required: a column, generated numbers, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_extension: Option<ExtensionSource>,
    /// Roles, required: one for all, or a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleSource>,
    /// Desks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desks: Option<ListSource>,
    /// Skill groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_groups: Option<ListSource>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<ListSource>,
    /// Device on the classic PBX; read for `classic_pbx` only. May be the column of the virtual extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pbx_device: Option<Column>,
    /// SIP URI; read for `custom_uri` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_uri: Option<Column>,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Column>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Column>,
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The column's name in the header: exactly, else without regard to case, spaces, `_`, `-`, `*`, `:`, `.` and one
    /// remark in brackets at the end.
    #[schemars(length(min = 1))]
    pub column: String,
}

/// Where virtual extensions come from. Generated numbers are the lowest free ones of the tenant's range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionSource {
    /// The column's name. Together with `generate`, only its blank cells are filled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub column: Option<String>,
    /// Whether missing numbers are generated.
    #[serde(default)]
    pub generate: bool,
}

/// A column of IDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdColumn {
    /// The column's name.
    #[schemars(length(min = 1))]
    pub column: String,
    /// IDs by the texts that stand for them in the column: of the whole cell, or of a part of it. They are compared
    /// without regard to case and to how many blanks stand in a row; any other text is read as an ID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Vec<Id>>,
}

impl IdColumn {
    /// The column of this name, with IDs only.
    pub fn named(column: String) -> Self {
        Self {
            column,
            names: BTreeMap::new(),
        }
    }

    /// IDs by their texts, in the form in which these are compared.
    pub(crate) fn folded_names(&self) -> BTreeMap<String, Vec<Id>> {
        self.names
            .iter()
            .map(|(text, ids)| (names::fold(text), ids.clone()))
            .collect()
    }
}

/// Where roles come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a role is {\"value\": ID}, or {\"column\": NAME} with or without {\"names\": {TEXT: [ID, …]}}"
)]
pub enum RoleSource {
    /// A column of role IDs.
    Column(IdColumn),
    /// One role for all users of the file.
    Fixed(FixedRole),
}

/// One role for all users of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedRole {
    /// ID of the role.
    pub value: Id,
}

/// Where desks, skill groups or tags come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a list is {\"values\": [ID, …]}, or {\"column\": NAME} with or without {\"names\": {TEXT: [ID, …]}}"
)]
pub enum ListSource {
    /// A column of IDs.
    Column(IdColumn),
    /// The same IDs for all users of the file.
    Fixed(FixedList),
}

/// The same IDs for all users of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedList {
    /// The IDs.
    #[schemars(length(max = 1000))]
    pub values: Vec<Id>,
}

/// How the users make calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Sip {
    /// The softphone built into the Dialer.
    // Braces, because serde lets unknown fields pass beside the tag of a unit variant.
    Webrtc {},
    /// An existing PBX domain, with a device number for each user.
    ClassicPbx {
        /// The tenant's PBX domain.
        pbx_domain_id: Id,
    },
    /// A third-party PBX, with a SIP URI for each user.
    CustomUri {},
    /// The built-in PBX.
    BuiltinPbx {},
}

impl Sip {
    /// The name in JSON and in the database.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Webrtc {} => "webrtc",
            Self::ClassicPbx { .. } => "classic_pbx",
            Self::CustomUri {} => "custom_uri",
            Self::BuiltinPbx {} => "builtin_pbx",
        }
    }

    /// The PBX domain of `classic_pbx`.
    pub const fn pbx_domain_id(self) -> Option<Id> {
        match self {
            Self::ClassicPbx { pbx_domain_id } => Some(pbx_domain_id),
            Self::Webrtc {} | Self::CustomUri {} | Self::BuiltinPbx {} => None,
        }
    }
}

impl Default for Sip {
    fn default() -> Self {
        Self::Webrtc {}
    }
}

/// Two-factor authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TwoFactor {
    /// The role's setting, else the tenant's.
    #[default]
    Default,
    /// Login without a second factor.
    Disabled,
    /// One-time code by e-mail.
    Email,
    /// One-time code from the Google Authenticator app.
    Google,
}

impl TwoFactor {
    /// The name in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Disabled => "disabled",
            Self::Email => "email",
            Self::Google => "google",
        }
    }
}

/// Session limits. Absent means unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// Maximum length of a session in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_minutes: Option<NonZeroU32>,
    /// Most sessions at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_sessions: Option<NonZeroU32>,
}

/// How temporary passwords are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordOptions {
    /// Digits only, for telephones that accept nothing else.
    #[serde(default)]
    pub digits_only: bool,
}

/// The prefix of all object keys of a tenant.
pub fn tenant_prefix(tenant_id: Id) -> String {
    format!("tenants/{tenant_id}/")
}
