//! The Users table of a tenant.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    layout::{Place, page},
    parts::{ago, counted},
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
    let content = html! {
        div.title {
            h1 { "Users" }
            span.hint { (counted(count, "user", "users")) }
            div.actions { a.button.primary href="/users/create" { "Create from file" } }
        }
        form.search method="get" action="/users" role="search" {
            label.hidden for="search" { "Search users" }
            input id="search" type="search" name="search" value=(search) placeholder="Search by name, e-mail or extension";
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

fn empty(search: &str) -> Markup {
    html! {
        div.empty {
            @if search.is_empty() {
                p { "No users yet." }
                p { a.button.primary href="/users/create" { "Create users from a file" } }
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
            table.list {
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
                            td { (user.username) @if user.is_new { " " span.badge { "New" } } }
                            td { (user.name) }
                            td { (user.email) }
                            td.number { (user.virtual_extension) }
                            td { (user.roles) }
                            td.number { (user.user_id) }
                            td { (ago(user.created_at, now)) }
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
