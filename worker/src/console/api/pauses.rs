//! `/api/operators/pauses`: which imports wait because an operator paused them.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::contract::Id;

use super::json::Body;
use crate::{
    console::{
        access::{Acting, Operator},
        error::Error,
        state::Console,
    },
    operate,
    steps::event::rfc3339,
};

/// A pause in force.
#[derive(Debug, Serialize, JsonSchema)]
struct Pause {
    /// The tenant whose imports wait; null for all tenants.
    tenant_id: Option<Id>,
    /// Since when, in the format of RFC 3339.
    since: String,
    /// Who paused.
    by: String,
    /// Why, if they gave a reason.
    reason: Option<String>,
}

/// The pauses in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pauses {
    /// The oldest first.
    pauses: Vec<Pause>,
}

/// Whose imports to pause or resume, and why.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Scope {
    /// The tenant; required unless `all` is true.
    tenant_id: Option<Id>,
    /// Whether all tenants are meant.
    #[serde(default)]
    all: bool,
    /// Why, for the audit trail.
    #[schemars(length(min = 1))]
    reason: String,
}

/// The outcome.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    /// Whether this request changed anything; if not, it had been changed before.
    changed: bool,
}

impl Scope {
    fn tenant(&self) -> Result<Option<Id>, Error> {
        match (self.tenant_id, self.all) {
            (Some(tenant_id), false) => Ok(Some(tenant_id)),
            (None, true) => Ok(None),
            _ => Err(Error::Invalid("give either tenant_id, or all: true".to_owned())),
        }
    }
}

/// Lists pauses.
pub(super) async fn list(_: Operator, State(console): State<Arc<Console>>) -> Result<Json<Pauses>, Error> {
    let pauses = console.db.pauses().await?.into_iter().map(|pause| {
        Ok::<_, Error>(Pause {
            tenant_id: pause.tenant_id,
            since: rfc3339(pause.since)?,
            by: pause.by,
            reason: pause.reason,
        })
    });
    Ok(Json(Pauses {
        pauses: pauses.collect::<Result<_, _>>()?,
    }))
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListPauses")
        .tag("operators")
        .summary("List the pauses in force")
}

/// Pauses.
pub(super) async fn pause(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Body(scope): Body<Scope>,
) -> Result<Json<Changed>, Error> {
    let tenant_id = scope.tenant()?;
    let audit = operator.audit("pause", &scope.reason)?;
    let changed = operate::pause(&console.db, tenant_id, &audit).await?;
    Ok(Json(Changed { changed }))
}

pub(super) fn describe_pause(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsPause")
        .tag("operators")
        .summary("Pause the imports of a tenant, or of all tenants")
}

/// Resumes.
pub(super) async fn resume(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Body(scope): Body<Scope>,
) -> Result<Json<Changed>, Error> {
    let tenant_id = scope.tenant()?;
    let audit = operator.audit("resume", &scope.reason)?;
    let changed = operate::resume(&console.db, tenant_id, &audit).await?;
    Ok(Json(Changed { changed }))
}

pub(super) fn describe_resume(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsResume")
        .tag("operators")
        .summary("End the pause of a tenant, or the one of all tenants")
}
