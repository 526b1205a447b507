//! All imports, by tenant, state, age and error; the address says what is looked for.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use serde::Deserialize;
use shared::{contract::job::Mode, text::printable};
use strum::VariantArray;
use time::OffsetDateTime;

use super::parts::{self, capital, is_paused, paused};
use crate::{
    console::{
        access::{Operator, Visitor},
        error::Error,
        pages::{
            asked::{self, PLACE, asked},
            layout::{Place, page},
            parts::{address, ago, number, pages, short_id, state},
        },
        state::Console,
    },
    db::{self, Filter, Import, Page, Paging},
};

/// Imports on a page.
const PAGE_IMPORTS: u32 = 50;

/// Ages that are asked for.
const AGES: [(&str, &str); 4] = [
    ("10m", "More than 10 minutes"),
    ("1h", "More than an hour"),
    ("1d", "More than a day"),
    ("7d", "More than a week"),
];

/// Which imports are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    tenant: String,
    state: String,
    age: String,
    error: String,
    /// Where the previous page ended.
    before: String,
}

/// The states of imports that are under way, under one name.
const UNDER_WAY: (&str, [db::State; 2]) = ("under_way", [db::State::Received, db::State::Running]);

impl Shown {
    fn filter(&self, now: OffsetDateTime) -> Result<Filter, Error> {
        let age: Option<humantime::Duration> = asked(&self.age, "an age such as 10m or 7d")?;
        let age = age.and_then(|age| time::Duration::try_from(*age).ok());
        let error = self.error.trim();
        Ok(Filter {
            tenant_id: asked::tenant(&self.tenant)?,
            states: if self.state == UNDER_WAY.0 {
                UNDER_WAY.1.to_vec()
            } else {
                asked(&self.state, "a state of an import")?.into_iter().collect()
            },
            before: age.and_then(|age| now.checked_sub(age)),
            error: (!error.is_empty()).then(|| error.to_owned()),
            ..Filter::default()
        })
    }

    fn is_empty(&self) -> bool {
        [&self.tenant, &self.state, &self.age, &self.error]
            .into_iter()
            .all(String::is_empty)
    }
}

pub(super) async fn show(
    visitor: Visitor,
    _: Operator,
    State(console): State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let now = OffsetDateTime::now_utc();
    let filter = shown.filter(now)?;
    let paging = Paging {
        after: asked(&shown.before, PLACE)?,
        limit: PAGE_IMPORTS,
    };
    let Page { items: imports, next } = console.db.list(&filter, paging).await?;
    let content = html! {
        div.title { h1 { "Imports" } }
        (search(&shown))
        div data-refresh=[shown.before.is_empty().then_some("5")] {
            @if imports.is_empty() { div.empty { p { "No matching imports." } } } @else { (table(&imports, now)) }
        }
        (pages(
            paging.after.map(|_| ("Newest", link(&shown, ""))),
            next.map(|next| ("Older", link(&shown, &next.to_string()))),
        ))
    };
    Ok(page(&visitor.bearer, Place::OperatorImports, "Imports", &content))
}

fn search(shown: &Shown) -> Markup {
    html! {
        form.search method="get" action="/operators/imports" {
            label.hidden for="tenant" { "Tenant" }
            input.short id="tenant" type="text" inputmode="numeric" name="tenant" value=(shown.tenant) placeholder="Tenant";
            label.hidden for="state" { "State" }
            select id="state" name="state" {
                option value="" { "All states" }
                option value=(UNDER_WAY.0) selected[shown.state == UNDER_WAY.0] { "In progress" }
                @for state in db::State::VARIANTS {
                    option value=(state.as_str()) selected[shown.state == state.as_str()] { (capital(state.as_str())) }
                }
            }
            label.hidden for="age" { "Age" }
            select id="age" name="age" {
                option value="" { "Any age" }
                @for (value, words) in AGES { option value=(value) selected[shown.age == value] { (words) } }
            }
            label.hidden for="error" { "Error" }
            input id="error" type="search" name="error" value=(shown.error) placeholder="Error text";
            button type="submit" { "Filter" }
            @if !shown.is_empty() { a href="/operators/imports" { "Reset" } }
        }
    }
}

fn table(imports: &[Import], now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Imports" { table.list.stack {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Import" } th.number scope="col" { "Tenant" }
                th.number scope="col" { "Rows" } th.number scope="col" { "Created" } th.number scope="col" { "Duplicates" }
                th.number scope="col" { "Errors" } th.number scope="col" { "Pending" } th scope="col" { "Received" } th scope="col" { "Why" }
            } }
            tbody { @for import in imports { tr {
                td data-label="State" { (state(import.state)) @if is_paused(import) { " " (paused()) } }
                td.nowrap.lead data-label="Import" {
                    a href={ "/operators/imports/" (import.job.import_id) } { (short_id(import.job.import_id)) }
                    @if import.job.mode == Mode::Validate { " " span.hint { "check" } }
                    @if import.attempt > 1 { " " span.hint { "attempt " (import.attempt) } }
                }
                td.number data-label="Tenant" { (parts::tenant(import.job.tenant_id)) }
                td.number data-label="Rows" { (number(import.summary.total.into())) }
                td.number data-label="Created" { (number(import.summary.created.into())) }
                td.number data-label="Duplicates" { (number(import.summary.duplicates.into())) }
                td.number data-label="Errors" { (number(import.summary.errors.into())) }
                td.number data-label="Pending" { (number(import.pending.into())) }
                td.nowrap data-label="Received" { (ago(import.received_at, now)) }
                td.why data-label="Why" { (why(import)) }
            } } }
        } }
    }
}

/// Why it is in its state, without any text of the file.
pub(super) fn why(import: &Import) -> String {
    let rejection = import
        .rejection
        .as_ref()
        .map(|rejection| rejection.code.as_str().to_owned());
    let trouble = || import.trouble().map(|error| printable(error).into_owned());
    rejection.or_else(trouble).unwrap_or_default()
}

fn link(shown: &Shown, before: &str) -> String {
    let query = [
        ("tenant", shown.tenant.as_str()),
        ("state", &shown.state),
        ("age", &shown.age),
        ("error", &shown.error),
        ("before", before),
    ];
    address("/operators/imports", &query)
}
