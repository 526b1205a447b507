//! The audit trail: who changed what, and why; the address says what is looked for. Entries hold counts and
//! identifiers, never a cell of a file or a password.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use shared::text::printable;
use time::OffsetDateTime;

use super::parts::{logged, tenant};
use crate::{
    console::{
        access::{Operator, Visitor},
        error::Error,
        pages::{
            asked::{PLACE, asked},
            layout::{Place, page},
            parts::{address, pages, short_id},
        },
        state::Console,
    },
    db::{AuditEntry, AuditFilter, Page, Paging},
};

/// Entries on a page.
const PAGE_ENTRIES: u32 = 50;

/// Commands that the search offers; others are found too.
const COMMANDS: [&str; 11] = [
    "cancel",
    "dead discard",
    "dead replay",
    "download-success",
    "pause",
    "purge",
    "replay",
    "reports",
    "resume",
    "revoke",
    "rotate-seals",
];

/// The name of the tenant among the details of an entry that is about no import.
const TENANT: &str = "tenant_id";

/// Which entries are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    command: String,
    operator: String,
    import: String,
    /// The number of the last entry of the previous page.
    before: String,
}

impl Shown {
    fn filter(&self) -> Result<AuditFilter, Error> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(AuditFilter {
            command: text(&self.command),
            operator: text(&self.operator),
            import_id: asked(&self.import, "the ID of an import")?,
        })
    }

    /// The address of another page of the same search.
    fn link(&self, before: &str) -> String {
        let query = [
            ("command", self.command.as_str()),
            ("operator", &self.operator),
            ("import", &self.import),
            ("before", before),
        ];
        address("/operators/audit", &query)
    }
}

pub(super) async fn show(
    visitor: Visitor,
    _: Operator,
    State(console): State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let paging = Paging {
        after: asked(&shown.before, PLACE)?,
        limit: PAGE_ENTRIES,
    };
    let Page { items: entries, next } = console.db.audit_entries(&shown.filter()?, paging).await?;
    let is_first = paging.after.is_none();
    let now = OffsetDateTime::now_utc();
    let content = html! {
        div.title { h1 { "Audit trail" } }
        (search(&shown))
        div data-refresh=[is_first.then_some("5")] {
            @if entries.is_empty() {
                div.empty { p { @if shown.is_empty() { "No changes yet. What operators change is recorded here, with the reason." } @else { "No matching entries." } } }
            } @else {
                (table(&entries, now))
            }
        }
        (pages(
            (!is_first).then(|| ("Newest", shown.link(""))),
            next.map(|next| ("Older", shown.link(&next.to_string()))),
        ))
    };
    Ok(page(&visitor.bearer, Place::Audit, "Audit trail", &content))
}

impl Shown {
    fn is_empty(&self) -> bool {
        [&self.command, &self.operator, &self.import, &self.before]
            .into_iter()
            .all(String::is_empty)
    }
}

fn search(shown: &Shown) -> Markup {
    html! {
        form.search method="get" action="/operators/audit" {
            label.hidden for="command" { "Command" }
            input id="command" type="text" name="command" list="commands" value=(shown.command) placeholder="Command";
            datalist id="commands" { @for command in COMMANDS { option value=(command) {} } }
            label.hidden for="operator" { "Operator" }
            input id="operator" type="text" name="operator" value=(shown.operator) placeholder="Operator";
            label.hidden for="import" { "Import" }
            input id="import" type="search" name="import" value=(shown.import) placeholder="Import ID";
            button type="submit" { "Filter" }
            @if !shown.is_empty() { a href="/operators/audit" { "Reset" } }
        }
    }
}

fn table(entries: &[AuditEntry], now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Audit trail" { table.list.stack {
            thead { tr {
                th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "Command" } th scope="col" { "Reason" }
                th.number scope="col" { "Tenant" } th scope="col" { "Import" } th scope="col" { "What" }
            } }
            tbody { @for entry in entries { tr {
                td.nowrap.lead data-label="When" { (logged(entry.at, now)) }
                td data-label="Who" title={ "Database log-in " (printable(&entry.database_role)) } { (printable(&entry.operator)) }
                td.nowrap data-label="Command" { (printable(&entry.command)) }
                td.why data-label="Reason" { @if let Some(reason) = &entry.reason { (printable(reason)) } }
                td.number data-label="Tenant" { (whose(entry)) }
                td.nowrap data-label="Import" { @if let Some(import_id) = entry.import_id { a href={ "/operators/imports/" (import_id) } { (short_id(import_id)) } } }
                td.why.hint data-label="What" { (printable(&what(&entry.details))) }
            } } }
        } }
    }
}

/// Commands that concern all tenants, unless their entry names one.
const OF_ALL: [&str; 2] = ["pause", "resume"];

/// The tenant that an entry is about, a link to its imports; or that it is about all of them.
fn whose(entry: &AuditEntry) -> Markup {
    let named = || entry.details.get(TENANT).and_then(Value::as_i64);
    html! {
        @if let Some(tenant_id) = entry.tenant_id.or_else(named) { (tenant(tenant_id)) }
        @else if OF_ALL.contains(&entry.command.as_str()) { "all" }
    }
}

/// The details in a line: `created 3, was running`. The tenant has a column of its own.
fn what(details: &Value) -> String {
    let Value::Object(details) = details else {
        return String::new();
    };
    let details = details.iter().filter(|(name, _)| *name != TENANT);
    let told = details.filter_map(|(name, value)| {
        let name = name.replace('_', " ");
        match value {
            Value::Null | Value::Bool(false) => None,
            Value::Bool(true) => Some(name),
            Value::String(text) => Some(format!("{name} {text}")),
            other => Some(format!("{name} {other}")),
        }
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_told_in_a_line() {
        let details = json!({ "was": "running", "created": 3, "reason": null, "abandon_passwords": false });
        assert_eq!(what(&details), "created 3, was running");
        assert_eq!(
            what(&json!({ "removed": "tenant", "tenant_id": 7 })),
            "removed tenant"
        );
        assert_eq!(what(&json!([1])), "");
    }
}
