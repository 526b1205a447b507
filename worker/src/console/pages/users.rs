//! The Users table of a tenant.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use serde::Deserialize;
use shared::contract::{Id, job::Mode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    layout::{Place, page},
    parts::{ago, counted, thousands},
};
use crate::{
    console::{
        access::{Administrator, Visitor},
        error::Error,
        state::Console,
    },
    db::User,
};

/// Users on a page.
const PAGE_USERS: u32 = 50;

/// Which users are shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    #[serde(default)]
    search: String,
    before: Option<i64>,
    /// The import whose users are marked.
    new: Option<Uuid>,
}

pub(super) async fn show(
    visitor: Visitor,
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let tenant_id = administrator.tenant_id;
    let search = shown.search.trim();
    // One more than is shown tells whether there is a next page.
    let mut users = console
        .db
        .users(tenant_id, search, shown.before, shown.new, PAGE_USERS + 1)
        .await?;
    let more = users.len() > PAGE_USERS as usize;
    users.truncate(PAGE_USERS as usize);
    let count = u64::try_from(console.db.user_count(tenant_id).await?).unwrap_or(0);
    let new = new_users(&console, tenant_id, shown.new).await?;
    let is_empty = users.is_empty() && search.is_empty();
    let content = html! {
        div.title {
            h1 { "Users" }
            span.hint { (counted(count, "user", "users")) @if new > 0 { ", " (thousands(new.into())) " new" } }
            div.actions { a.button.primary[!is_empty] href="/users/create" { "Create from file" } }
        }
        form.search method="get" action="/users" role="search" {
            label.hidden for="search" { "Search users" }
            input id="search" type="search" name="search" value=(search) placeholder="Name, email or extension";
            @if let Some(import_id) = shown.new { input type="hidden" name="new" value=(import_id); }
            button type="submit" { "Search" }
            @if !search.is_empty() { a href="/users" { "Show all" } }
        }
        @if users.is_empty() { (empty(search)) } @else { (table(&users, shown.new.is_some())) }
        @if more || shown.before.is_some() {
            nav.pages aria-label="Pages" {
                @if shown.before.is_some() { a href=(link(search, shown.new, None)) { "First page" } }
                @if let Some(last) = users.last().filter(|_| more) {
                    a href=(link(search, shown.new, Some(last.user_id))) { "Next page" }
                }
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Users, "Users", &content))
}

/// How many users an import of this tenant has created.
async fn new_users(console: &Console, tenant_id: Id, import_id: Option<Uuid>) -> Result<u32, Error> {
    let Some(import_id) = import_id else {
        return Ok(0);
    };
    let import = console.db.find_of(tenant_id, import_id).await?;
    let import = import.filter(|import| import.job.mode == Mode::Import);
    Ok(import.map_or(0, |import| import.summary.created))
}

fn empty(search: &str) -> Markup {
    html! {
        div.empty {
            @if search.is_empty() {
                p { "No users yet. Create them from a file." }
                p { a.button.primary href="/users/create" { "Create from file" } }
            } @else {
                p { "No user matches “" (search) "”." }
            }
        }
    }
}

fn table(users: &[User], marks_new: bool) -> Markup {
    let now = OffsetDateTime::now_utc();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Users" {
            table.list.stack {
                thead { tr {
                    th scope="col" { "Username" }
                    th scope="col" { "Name" }
                    th scope="col" { "Email" }
                    th.number scope="col" { "Extension" }
                    th scope="col" { "Roles" }
                    th.number scope="col" { "ID" }
                    th scope="col" { "Created" }
                } }
                tbody {
                    @for user in users {
                        tr.new[marks_new && user.is_new] {
                            td.lead data-label="Username" { (user.username) @if user.is_new { " " span.badge { "New" } } }
                            td data-label="Name" { (user.name) }
                            td data-label="Email" { (user.email) }
                            td.number data-label="Extension" { (user.virtual_extension) }
                            td data-label="Roles" { (user.roles) }
                            td.number data-label="ID" { (user.user_id) }
                            td data-label="Created" { (ago(user.created_at, now)) }
                        }
                    }
                }
            }
        }
    }
}

fn link(search: &str, new: Option<Uuid>, before: Option<i64>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !search.is_empty() {
        query.append_pair("search", search);
    }
    if let Some(new) = new {
        query.append_pair("new", &new.to_string());
    }
    if let Some(before) = before {
        query.append_pair("before", &before.to_string());
    }
    format!("/users?{}", query.finish())
}
