//! The cancel message: what the Dialer publishes to stop an import, even before a worker has taken its job.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Id, Version,
    job::{InvalidJob, checked},
    schema,
};

/// Asks to stop an import: rows that are not users yet are not processed, users that were created stay.
///
/// The answer is the import's `cancelled` event, or, if the import had already finished, the event that it finished
/// with. A failed import is cancelled in a new attempt. If no worker has taken the job yet, the request is kept, and
/// the import is cancelled as soon as its job comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Version of the contract.
    pub version: Version,
    /// The import.
    pub import_id: Uuid,
    /// Its tenant. An import of another tenant is left alone.
    pub tenant_id: Id,
    /// Who pressed the button, for the audit trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub requested_by: Option<String>,
}

/// The schema of cancel messages, as it is published.
pub fn schema() -> Schema {
    let examples = [include_str!("../../schemas/examples/cancel.json")];
    schema::of_dialer::<Cancel>("cancel", &examples)
}

static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| schema::validator(&schema()));

impl Cancel {
    /// Reads the message by the same rules as a job.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidJob> {
        let value = checked(body, &SCHEMA)?;
        serde_json::from_value(value).map_err(|error| InvalidJob::shape("", error.to_string()))
    }
}
