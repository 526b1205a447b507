//! The two numbers that every message carries.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The ID of a tenant, or of something that a tenant owns (role, desk, user, …): a positive 64-bit integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64")]
pub struct Id(i64);

/// The number is zero or negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an ID is a positive 64-bit integer, not {0}")]
pub struct InvalidId(i64);

impl Id {
    /// The number itself.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Id {
    type Error = InvalidId;

    fn try_from(number: i64) -> Result<Self, InvalidId> {
        if number > 0 {
            Ok(Self(number))
        } else {
            Err(InvalidId(number))
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "ID of a tenant or of something that a tenant owns: a positive 64-bit integer. One above 2^53 - 1 \
                            is read exactly only by programs that read JSON numbers as 64-bit integers; JavaScript's \
                            JSON.parse does not.",
            "type": "integer",
            "minimum": 1,
            "maximum": i64::MAX,
        })
    }
}

/// Version of the contract, `1`. Any other number is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Version;

impl TryFrom<u32> for Version {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        if number == 1 {
            Ok(Self)
        } else {
            Err(format!("contract version {number} is not known, only 1 is"))
        }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        1
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "const": 1, "description": "Version of the contract." })
    }
}
