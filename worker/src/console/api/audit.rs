//! `/api/operators/audit`: who changed what, and why.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::json::QueryParams;
use crate::{
    console::{access::Operator, error::Error, state::Console},
    db::{self, AuditFilter, Paging},
    steps::event::rfc3339,
};

/// Entries in an answer.
const PAGE_ENTRIES: u32 = 50;

/// Which entries to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct EntryQuery {
    /// Only of commands that begin with this.
    command: Option<String>,
    /// Only of operators with this in their name.
    operator: Option<String>,
    /// Only about this import.
    import_id: Option<Uuid>,
    /// Only entries with smaller numbers: `next` of the previous answer.
    before: Option<i64>,
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
struct Entry {
    /// Its number.
    audit_id: i64,
    /// When, in the format of RFC 3339.
    at: String,
    /// Who made the change.
    operator: String,
    /// The log-in by which the database knows them.
    database_role: String,
    /// The command.
    #[schemars(example = &"cancel")]
    command: String,
    /// Why, if they gave a reason.
    reason: Option<String>,
    /// The tenant concerned, if any.
    tenant_id: Option<i64>,
    /// The import concerned, if any.
    import_id: Option<Uuid>,
    /// What was changed: counts and identifiers.
    details: serde_json::Value,
}

/// Entries of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entries {
    /// The newest first.
    entries: Vec<Entry>,
    /// What to send as `before` to get older ones; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Lists entries.
pub(super) async fn list(
    _: Operator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<EntryQuery>,
) -> Result<Json<Entries>, Error> {
    let filter = AuditFilter {
        command: query.command,
        operator: query.operator,
        import_id: query.import_id,
    };
    let paging = Paging {
        after: query.before,
        limit: PAGE_ENTRIES,
    };
    let found = console.db.audit_entries(&filter, paging).await?;
    let entries = found.items.into_iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Json(Entries {
        entries,
        next: found.next,
    }))
}

fn entry(found: db::AuditEntry) -> Result<Entry, Error> {
    Ok(Entry {
        at: rfc3339(found.at)?,
        audit_id: found.audit_id,
        operator: found.operator,
        database_role: found.database_role,
        command: found.command,
        reason: found.reason,
        tenant_id: found.tenant_id,
        import_id: found.import_id,
        details: found.details,
    })
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListAudit")
        .tag("operators")
        .summary("List 50 entries of the audit trail, the newest first, by command, operator and import")
}
