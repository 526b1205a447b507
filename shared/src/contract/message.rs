//! The messages that workers send each other. The Dialer never sees them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Id, Version};

/// Asks for the plan of an import whose job is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDue {
    /// Version of the contract.
    pub version: Version,
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
}

/// Asks for the users of one batch: the rows from `first_row` to `last_row` that are still pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowsDue {
    /// Version of the contract.
    pub version: Version,
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Number of the first row, from 1.
    #[schemars(range(min = 1))]
    pub first_row: u32,
    /// Number of the last row, inclusive.
    #[schemars(range(min = 1))]
    pub last_row: u32,
}

/// Asks for the reports and the completion event of an import that has no pending row left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportDue {
    /// Version of the contract.
    pub version: Version,
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// 1 for the first run of the import, one more for each replay.
    #[schemars(range(min = 1))]
    pub attempt: u32,
}
