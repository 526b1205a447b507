//! The job: what the Dialer publishes to ask for an import.

mod invalid;
mod json;
mod parse;
mod same;
mod shape;
mod sources;

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Id, Version};
use crate::file::Encoding;

pub use invalid::{InvalidJob, MAX_JOB_BYTES};
pub use json::BYTE_ORDER_MARK;
pub(super) use parse::checked;
pub use parse::{parse, schema};
pub use same::normalized_etag;
pub use sources::{
    Column, ColumnSource, ExtensionSource, Extensions, FixedList, FixedRole, IdColumn, Ignored, ListSource,
    RoleSource, Yes,
};

/// Asks for the import of one uploaded file.
///
/// Publishing the same job again does not import the file again. Two jobs are the same if they mean the same: defaults
/// that are written out, the order of keys, the quotes of an ETag and `requested_by` do not matter. A different job
/// with the ID of an existing import is refused (`import_id_taken`).
///
/// Two things that a schema cannot express are refused: a key that occurs twice in an object, and in `names` two texts
/// that are equal apart from case and blanks, or one of blanks only. `source.encoding` must be a label of the WHATWG
/// Encoding Standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Version of the contract.
    pub version: Version,
    /// Chosen by the Dialer; identifies the import for good, even after a purge.
    pub import_id: Uuid,
    /// The tenant for which users are created.
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
    /// Object key; it must begin with `tenants/<tenant_id>/`, and have no part between slashes that is `.`, `..` or
    /// empty, no backslash and no control character. Any other key is rejected as `foreign_object`.
    #[schemars(length(min = 1, max = 1024))]
    pub key: String,
    /// ETag of the upload, with or without quotes and `W/`. If the object's differs by now, the import is rejected as
    /// `object_changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub etag: Option<String>,
    /// Size of the upload in bytes. If the object's differs by now, the import is rejected as `object_changed`.
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
        self.broken_key_rule(tenant_id).is_none()
    }

    /// The rule that the key breaks, as the end of a sentence; `None` if the tenant's file may lie there.
    pub fn broken_key_rule(&self, tenant_id: Id) -> Option<String> {
        let prefix = tenant_prefix(tenant_id);
        let Some(rest) = self.key.strip_prefix(&prefix) else {
            return Some(format!("must begin with {prefix}"));
        };
        if self.key.len() > MAX_KEY_BYTES {
            return Some(format!("must have at most {MAX_KEY_BYTES} bytes in UTF-8"));
        }
        if rest.contains('\\') {
            return Some("must not hold a backslash".to_owned());
        }
        if rest.contains(char::is_control) {
            return Some("must not hold a control character".to_owned());
        }
        let is_way_around = |segment: &str| matches!(segment, "" | "." | "..");
        rest.split('/')
            .any(is_way_around)
            .then(|| "must have neither an empty part between slashes, nor . or .. as one, and must not end with a slash".to_owned())
    }
}

/// Longest object key in bytes. Source: Amazon S3 User Guide, "Naming Amazon S3 objects".
const MAX_KEY_BYTES: usize = 1024;

/// Where the value of each field comes from.
///
/// A field without an entry is read from the column that the header gives to it: the one with the field's own name,
/// else the one with a synonym. If two columns match equally well, none is chosen: the import is rejected as
/// `mapping_conflict`, or as `duplicate_header` if they have the same name. With `{"ignore": true}` a field is not read
/// at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Login name, required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<ColumnSource>,
    /// E-mail address, required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<ColumnSource>,
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
    pub pbx_device: Option<ColumnSource>,
    /// SIP URI; read for `custom_uri` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_uri: Option<ColumnSource>,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<ColumnSource>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<ColumnSource>,
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
    /// Most sessions at the same time.
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
