//! The fields of a user that a file can fill, by the names that jobs, events and reports give them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A field of a user. The order is the one in which the problems of a row are reported.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Field {
    /// Login name.
    Username,
    /// E-mail address.
    Email,
    /// Virtual extension.
    VirtualExtension,
    /// Roles.
    Role,
    /// Desks.
    Desks,
    /// Skill groups.
    SkillGroups,
    /// Tags.
    Tags,
    /// Device on the classic PBX.
    PbxDevice,
    /// SIP URI on an external PBX.
    SipUri,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
}

impl Field {
    /// The name in jobs, events and the database, such as `virtual_extension`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The name in a sentence, such as `virtual extension`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::VirtualExtension => "virtual extension",
            Self::Role => "role",
            Self::Desks => "desks",
            Self::SkillGroups => "skill groups",
            Self::Tags => "tags",
            Self::PbxDevice => "PBX device",
            Self::SipUri => "SIP URI",
            Self::FirstName => "first name",
            Self::LastName => "last name",
        }
    }

    /// Whether every user needs the field.
    pub(crate) const fn is_required(self) -> bool {
        match self {
            Self::Username
            | Self::Email
            | Self::VirtualExtension
            | Self::Role
            // Each is read for one kind of SIP only, and required for it.
            | Self::PbxDevice
            | Self::SipUri => true,
            Self::Desks | Self::SkillGroups | Self::Tags | Self::FirstName | Self::LastName => false,
        }
    }
}
