//! `/api/operators`: imports of all tenants, and what operators change. The same functions as those of the command line.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{
    Json,
    extract::{Path, State},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::contract::Id;
use uuid::Uuid;

use super::{
    imports::Imports,
    json::{Body, QueryParams},
};
use crate::{
    console::{
        access::{Acting, Operator},
        error::Error,
        imports::{ImportView, Viewer},
        state::Console,
    },
    db::{self, Filter},
    operate::{self, ReplayOptions},
};

/// Which imports to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ImportQuery {
    /// Only imports of this tenant.
    tenant_id: Option<Id>,
    /// Only imports in this state.
    state: Option<db::State>,
    /// Only older ones: `next` of the previous answer.
    before: Option<String>,
}

/// Lists imports.
pub(super) async fn list(
    _: Operator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<ImportQuery>,
) -> Result<Json<Imports>, Error> {
    let filter = Filter {
        tenant_id: query.tenant_id,
        states: query.state.into_iter().collect(),
        ..Filter::default()
    };
    Imports::list(&console, &filter, query.before, Viewer::Operators).await
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListImports")
        .tag("operators")
        .summary("List 50 imports, the newest first, by tenant and state")
}

/// Shows an import.
pub(super) async fn show(
    _: Operator,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
) -> Result<Json<ImportView>, Error> {
    let found = console.db.find(import_id).await?;
    ImportView::of(&found.ok_or(Error::NotFound("import"))?, Viewer::Operators).map(Json)
}

pub(super) fn describe_show(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsShowImport")
        .tag("operators")
        .summary("Show an import of any tenant")
}

/// Why something is changed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Cancel {
    /// Why, for the audit trail.
    #[schemars(length(min = 1))]
    reason: String,
}

/// Why an import is replayed, and which parts of it.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Replay {
    /// Why, for the audit trail.
    #[schemars(length(min = 1))]
    reason: String,
    /// Also rows that ended in error or duplicate, and a rejected import.
    #[serde(default)]
    errors: bool,
    /// Also rows that were cancelled, which otherwise stay cancelled.
    #[serde(default)]
    cancelled: bool,
}

/// The outcome.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Changed {
    /// Whether this request changed anything; if not, it had been changed before, and its messages were published
    /// again.
    changed: bool,
    import: ImportView,
}

/// Cancels an import.
pub(super) async fn cancel(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
    Body(cancel): Body<Cancel>,
) -> Result<Json<Changed>, Error> {
    let audit = operator.audit("cancel", &cancel.reason)?;
    // First, so that nothing is changed while the broker is away.
    console.publisher.link().await?;
    let done = operate::cancel(&console.db, import_id, &audit).await?;
    console.publisher.publish(&done.messages).await?;
    Ok(Json(Changed {
        changed: done.changed,
        import: ImportView::of(&done.import, Viewer::Operators)?,
    }))
}

pub(super) fn describe_cancel(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsCancelImport")
        .tag("operators")
        .summary("Cancel an import: pending rows are not processed, users that were created stay")
}

/// Replays an import.
pub(super) async fn replay(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
    Body(replay): Body<Replay>,
) -> Result<Json<Changed>, Error> {
    let audit = operator.audit("replay", &replay.reason)?;
    console.publisher.link().await?;
    let options = ReplayOptions {
        errors: replay.errors,
        cancelled: replay.cancelled,
        abandon_passwords: false,
    };
    let done = operate::replay(&console.db, import_id, options, &audit).await?;
    console.publisher.publish(&done.messages).await?;
    Ok(Json(Changed {
        changed: done.changed,
        import: ImportView::of(&done.import, Viewer::Operators)?,
    }))
}

pub(super) fn describe_replay(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsReplayImport")
        .tag("operators")
        .summary("Resume a failed or cancelled import in a new attempt")
}
