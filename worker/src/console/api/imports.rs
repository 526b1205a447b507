//! `/api/imports`: what an administrator's tenant imports.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State, http::StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    contract::job::{Fields, Mode, PasswordOptions, Security, Sip, TwoFactor},
    file::Encoding,
    outcome::Outcome,
    problem::Problem,
};
use uuid::Uuid;

use super::json::{Body, QueryParams};
use crate::{
    console::{
        access::{Administrator, OwnImport},
        error::Error,
        imports::{ImportView, Settings, Viewer, start},
        state::Console,
    },
    db::{Filter, Paging},
};

/// Imports in an answer.
const PAGE_IMPORTS: u32 = 50;

/// A request for an import.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewImport {
    /// The file.
    upload_id: Uuid,
    /// Whether users are created, or only the file is checked.
    #[serde(default)]
    mode: Mode,
    /// The encoding of the file, if it is to be declared.
    #[serde(default)]
    encoding: Option<Encoding>,
    /// Where the value of each field comes from.
    #[serde(default)]
    fields: Fields,
    /// How all users make calls.
    #[serde(default)]
    sip: Sip,
    /// Their two-factor authentication.
    #[serde(default)]
    two_factor: TwoFactor,
    /// Their session limits.
    #[serde(default)]
    security: Security,
    /// How their passwords are made.
    #[serde(default)]
    password: PasswordOptions,
}

/// An import that was requested.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Accepted {
    /// Its ID; there is nothing more to see of it until a worker takes it.
    import_id: Uuid,
}

/// Requests an import.
pub(super) async fn create(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    Body(new): Body<NewImport>,
) -> Result<(StatusCode, Json<Accepted>), Error> {
    let upload = console.db.upload(administrator.tenant_id, new.upload_id).await?;
    let upload = upload.ok_or(Error::NotFound("upload"))?;
    let settings = Settings {
        encoding: new.encoding,
        fields: new.fields,
        sip: new.sip,
        two_factor: new.two_factor,
        security: new.security,
        password: new.password,
    };
    let import_id = start(&console, &administrator, &upload, new.mode, settings).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { import_id })))
}

pub(super) fn describe_create(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("createImport")
        .tag("administrators")
        .summary("Import an uploaded file, or check it")
        .description(
            "Publishes the job to the broker, as the Dialer does. An upload becomes one import: a second request gets the same \
             ID. Each check, with mode `validate`, is a new import that creates no users.",
        )
        .response::<202, Json<Accepted>>()
}

/// Imports, and where the next ones begin.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Imports {
    /// The newest first.
    imports: Vec<ImportView>,
    /// What to send as `before` to get older ones; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Imports {
    /// Those after `before`, which is `next` of the previous answer.
    pub(super) async fn list(
        console: &Console,
        filter: &Filter,
        before: Option<String>,
        eyes: Viewer,
    ) -> Result<Json<Self>, Error> {
        let after = before
            .map(|before| before.parse().map_err(Error::Invalid))
            .transpose()?;
        let paging = Paging {
            after,
            limit: PAGE_IMPORTS,
        };
        let found = console.db.list(filter, paging).await?;
        let imports = found.items.iter().map(|import| ImportView::of(import, eyes));
        Ok(Json(Self {
            imports: imports.collect::<Result<_, _>>()?,
            next: found.next.map(|next| next.to_string()),
        }))
    }
}

/// Which imports to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ImportQuery {
    /// Only older ones: `next` of the previous answer.
    before: Option<String>,
}

/// Lists the tenant's imports.
pub(super) async fn list(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<ImportQuery>,
) -> Result<Json<Imports>, Error> {
    let filter = Filter {
        tenant_id: Some(administrator.tenant_id),
        ..Filter::default()
    };
    Imports::list(&console, &filter, query.before, Viewer::Tenant).await
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listImports")
        .tag("administrators")
        .summary("List 50 of the tenant's imports and checks, the newest first")
}

/// Shows an import.
pub(super) async fn show(OwnImport { import, .. }: OwnImport) -> Result<Json<ImportView>, Error> {
    ImportView::of(&import, Viewer::Tenant).map(Json)
}

pub(super) fn describe_show(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("showImport")
        .tag("administrators")
        .summary("Show an import")
}

/// Which rows to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RowQuery {
    /// Only rows with this outcome.
    outcome: Option<Outcome>,
}

/// A row, with its cells as long as they are kept.
#[derive(Debug, Serialize, JsonSchema)]
struct RowView {
    /// Its number, from 1.
    row: u32,
    /// Where it begins in the file.
    line: u32,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<i64>,
    problems: Vec<Problem>,
    /// Its cells by column; none for rows that are users, and no passwords.
    cells: Vec<String>,
}

/// The rows of an import.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rows {
    /// The names of the columns.
    columns: Vec<String>,
    rows: Vec<RowView>,
}

/// Shows the rows of an import.
pub(super) async fn rows(
    OwnImport { import, .. }: OwnImport,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<RowQuery>,
) -> Result<Json<Rows>, Error> {
    let reference = import.reference();
    let outcomes: Vec<Outcome> = query.outcome.into_iter().collect();
    let rows = console
        .db
        .rows(reference.tenant_id, reference.import_id, &outcomes)
        .await?;
    let columns = if import.planned_at.is_some() {
        console.db.source_header(&import).await?
    } else {
        Vec::new()
    };
    let rows = rows.into_iter().map(|row| RowView {
        row: row.row,
        line: row.line,
        outcome: row.outcome,
        user_id: row.user_id,
        problems: row.problems,
        cells: row.cells,
    });
    Ok(Json(Rows {
        columns,
        rows: rows.collect(),
    }))
}

pub(super) fn describe_rows(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listRows")
        .tag("administrators")
        .summary("Show the rows of an import, with their problems")
}
