//! The imports of a tenant, and its files that are not imported yet.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use serde::Deserialize;
use shared::contract::job::Mode;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    asked::{PLACE, asked},
    layout::{Place, page},
    parts::{address, ago, number, pages, short_id, state},
    wizard::{DUPLICATES, ERRORS},
};
use crate::{
    console::{
        access::{Administrator, Visitor},
        error::Error,
        state::Console,
    },
    db::{Filter, Import, Paging, Upload},
};

/// Imports on a page.
const PAGE_IMPORTS: u32 = 50;

/// Files that are not imported yet, on the first page.
const OPEN_UPLOADS: u32 = 10;

/// Which imports are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    /// Where the previous page ended.
    before: String,
}

pub(super) async fn show(
    visitor: Visitor,
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let filter = Filter {
        tenant_id: Some(administrator.tenant_id),
        mode: Some(Mode::Import),
        ..Filter::default()
    };
    let paging = Paging {
        after: asked(&shown.before, PLACE)?,
        limit: PAGE_IMPORTS,
    };
    let found = console.db.list(&filter, paging).await?;
    let open = console
        .db
        .open_uploads(administrator.tenant_id, OPEN_UPLOADS)
        .await?;
    let ids: Vec<Uuid> = found.items.iter().map(|import| import.job.import_id).collect();
    let names = console.db.file_names(administrator.tenant_id, &ids).await?;
    let is_empty = found.items.is_empty();
    let now = OffsetDateTime::now_utc();
    let content = html! {
        div.title {
            h1 { "Imports" }
            div.actions { a.button.primary[!is_empty] href="/users/create" { "Create from file" } }
        }
        @if paging.after.is_none() { (not_finished(&open, now)) }
        @if is_empty {
            div.empty { p { "No imports yet. Create users from a file." } p { a.button.primary href="/users/create" { "Create from file" } } }
        } @else { (table(&found.items, &names, now)) }
        (pages(
            paging.after.map(|_| ("Newest", "/imports".to_owned())),
            found.next.map(|next| ("Older", address("/imports", &[("before", &next.to_string())]))),
        ))
    };
    Ok(page(&visitor.bearer, Place::Imports, "Imports", &content))
}

fn not_finished(open: &[Upload], now: OffsetDateTime) -> Markup {
    html! {
        @if !open.is_empty() {
            section.card {
                h2 { "Not finished" }
                ul.plain { @for upload in open {
                    @let dialog = format!("discard-{}", upload.upload_id);
                    li {
                        a href={ "/uploads/" (upload.upload_id) } { (upload.file_name) } " " span.hint { "changed " (ago(upload.changed_at, now)) } " "
                        button.quiet type="button" data-opens=(dialog) aria-label={ "Discard " (upload.file_name) } { "Discard …" }
                        dialog id=(dialog) aria-labelledby={ (dialog) "-title" } {
                            h2 id={ (dialog) "-title" } { "Discard " (upload.file_name) "?" }
                            p { "The file, your choices and your corrections are deleted. No users were created from it." }
                            form method="post" action={ "/uploads/" (upload.upload_id) "/discard" } {
                                div.actions { button.danger type="submit" { "Discard the file" } button.quiet type="button" data-closes { "Back" } }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn table(imports: &[Import], names: &HashMap<Uuid, String>, now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Imports" { table.list.stack {
            thead { tr {
                th scope="col" { "File" } th scope="col" { "State" } th.number scope="col" { "Rows" } th.number scope="col" { "Uploaded" }
                th.number scope="col" { (DUPLICATES) } th.number scope="col" { (ERRORS) } th scope="col" { "Requested by" } th scope="col" { "Received" }
            } }
            tbody { @for import in imports { tr {
                td.lead.cell data-label="File" { (link(import.job.import_id, names.get(&import.job.import_id).map(String::as_str))) }
                td data-label="State" { (state(import.state)) }
                td.number data-label="Rows" { (number(import.summary.total.into())) }
                td.number data-label="Uploaded" { (number(import.summary.created.into())) }
                td.number data-label=(DUPLICATES) { (number(import.summary.duplicates.into())) }
                td.number data-label=(ERRORS) { (number(import.summary.errors.into())) }
                td data-label="Requested by" { (import.job.requested_by.as_deref().unwrap_or_default()) }
                td.nowrap data-label="Received" { (ago(import.received_at, now)) }
            } } }
        } }
    }
}

/// The link to an import: the name of its file, with the short ID for whoever is asked for it.
fn link(import_id: Uuid, name: Option<&str>) -> Markup {
    html! {
        a href={ "/imports/" (import_id) } {
            @match name { Some(name) => (name), None => (short_id(import_id)) }
        }
        @if name.is_some() { " " span.hint { (short_id(import_id)) } }
    }
}
