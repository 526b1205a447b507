//! Pauses: those in force, and how to begin and end one, after a look at what would happen.

use std::sync::Arc;

use axum::{extract::State, response::Redirect};
use maud::{Markup, html};
use shared::{contract::Id, text::printable};
use time::OffsetDateTime;

use super::{entry, import::reason};
use crate::{
    console::{
        access::Acting,
        error::Error,
        form::Fields,
        pages::{
            asked, icons,
            parts::{ago, counted},
        },
        state::Console,
    },
    db::{Backlog, BusyTenant, Pause},
    operate,
};

/// Pauses on the page; all others are counted.
const SHOWN_PAUSES: usize = 20;

/// What is under way, which a pause or its end concerns.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnderWay<'a> {
    pub(super) backlog: &'a Backlog,
    /// Of the tenants whose pauses are on the page.
    pub(super) paused: &'a [BusyTenant],
}

impl UnderWay<'_> {
    /// Imports and rows of a tenant, or of all.
    fn of(self, tenant_id: Option<Id>) -> (u64, u64) {
        let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
        let Some(tenant_id) = tenant_id else {
            let imports = u64::from(self.backlog.received + self.backlog.running);
            return (imports, self.backlog.pending_rows);
        };
        let found = self
            .paused
            .iter()
            .find(|tenant| tenant.tenant_id == tenant_id.get());
        found.map_or((0, 0), |tenant| {
            (unsigned(tenant.imports), unsigned(tenant.pending))
        })
    }

    /// What happens to them, in a sentence, even if there are none.
    fn will(self, tenant_id: Option<Id>, happens: &str) -> String {
        match self.of(tenant_id) {
            (0, _) => "No import is in progress.".to_owned(),
            (imports, rows) => format!(
                "{} with {} will {happens}.",
                counted(imports, "import", "imports"),
                counted(rows, "pending row", "pending rows")
            ),
        }
    }
}

/// The tenants whose pauses are on the page.
pub(super) fn tenants(pauses: &[Pause]) -> Vec<i64> {
    let shown = pauses.iter().take(SHOWN_PAUSES);
    shown.filter_map(|pause| Some(pause.tenant_id?.get())).collect()
}

/// The pauses in force, each with a way to end it if the operator may act.
pub(super) fn lasting(
    pauses: &[Pause],
    under_way: UnderWay<'_>,
    may_act: bool,
    now: OffsetDateTime,
) -> Markup {
    html! {
        @for pause in pauses.iter().take(SHOWN_PAUSES) {
            div.notice.wait {
                (icons::paused())
                div.grow {
                    strong { (whose(pause.tenant_id)) " paused" }
                    p { "Paused " (ago(pause.since, now)) " by " (printable(&pause.by)) @if let Some(reason) = &pause.reason { ": " (printable(reason)) } }
                }
                @if may_act { button type="button" data-opens={ "resume-" (key(pause.tenant_id)) } { "Resume …" } }
            }
            @if may_act { (end(pause, pauses, under_way)) }
        }
        @if pauses.len() > SHOWN_PAUSES { p.hint { "And " (counted((pauses.len() - SHOWN_PAUSES) as u64, "more tenant is", "more tenants are")) " paused: see user-import doctor." } }
    }
}

/// The dialog that ends a pause.
fn end(pause: &Pause, pauses: &[Pause], under_way: UnderWay<'_>) -> Markup {
    let key = key(pause.tenant_id);
    let others = pauses.iter().filter(|other| other.tenant_id.is_some()).count() as u64;
    let are_all_paused = pauses.iter().any(|other| other.tenant_id.is_none());
    html! {
        dialog id={ "resume-" (key) } aria-labelledby={ "resume-" (key) "-title" } {
            h2 id={ "resume-" (key) "-title" } { "Resume " (name(pause.tenant_id)) "?" }
            p {
                @match pause.tenant_id {
                    Some(_) if are_all_paused => "All imports are still paused, including those of this tenant: they continue when that pause has ended too.",
                    tenant_id => { (under_way.will(tenant_id, "continue within half a minute")) " New imports start at once again." }
                }
                @if pause.tenant_id.is_none() && others > 0 { " " (counted(others, "tenant stays", "tenants stay")) " paused." }
            }
            form method="post" action="/operators/resume" {
                input type="hidden" name="tenant" value=(key);
                (reason(&format!("resume-{key}")))
                div.actions { button.primary type="submit" { "Resume " (name(pause.tenant_id)) } button.quiet type="button" data-closes { "Back" } }
            }
        }
    }
}

/// The buttons that begin a pause.
pub(super) fn buttons(pauses: &[Pause]) -> Markup {
    html! {
        div.actions {
            button type="button" data-opens="pause-tenant" { "Pause a tenant …" }
            @if pauses.iter().all(|pause| pause.tenant_id.is_some()) {
                button.danger type="button" data-opens="pause-all" { "Pause everything …" }
            }
        }
    }
}

/// The dialogs behind these buttons.
pub(super) fn dialogs(under_way: UnderWay<'_>) -> Markup {
    let what_happens = html! {
        p { "Workers finish what they have begun, within seconds. Then no file is read and no user is created. Jobs are still "
            "received, and imports can be cancelled. Nothing is lost and nothing fails, however long the pause lasts." }
    };
    html! {
        dialog id="pause-tenant" aria-labelledby="pause-tenant-title" {
            h2 id="pause-tenant-title" { "Pause the imports of a tenant?" }
            (what_happens)
            form method="post" action="/operators/pause" {
                div.field {
                    label for="pause-whose" { "Tenant" }
                    input id="pause-whose" name="tenant" type="text" inputmode="numeric" pattern="[0-9]+" required placeholder="Tenant ID";
                }
                (reason("pause-tenant"))
                div.actions { button.danger type="submit" { "Pause this tenant" } button.quiet type="button" data-closes { "Back" } }
            }
        }
        dialog id="pause-all" aria-labelledby="pause-all-title" {
            h2 id="pause-all-title" { "Pause the imports of all tenants?" }
            p { (under_way.will(None, "wait")) " New imports will wait too." }
            (what_happens)
            form method="post" action="/operators/pause" {
                input type="hidden" name="tenant" value="all";
                (reason("pause-all"))
                div.actions { button.danger type="submit" { "Pause all tenants" } button.quiet type="button" data-closes { "Back" } }
            }
        }
    }
}

fn name(tenant_id: Option<Id>) -> String {
    tenant_id.map_or_else(|| "all tenants".to_owned(), |id| format!("tenant {id}"))
}

fn whose(tenant_id: Option<Id>) -> String {
    match tenant_id {
        None => "The imports of all tenants are".to_owned(),
        Some(id) => format!("The imports of tenant {id} are"),
    }
}

/// The value of a form.
fn key(tenant_id: Option<Id>) -> String {
    tenant_id.map_or_else(|| "all".to_owned(), |id| id.to_string())
}

/// Whose imports a form means. If it names nobody, that must not mean everybody.
fn scope(form: &Fields) -> Result<Option<Id>, Error> {
    match form.value("tenant").unwrap_or_default().trim() {
        "all" => Ok(None),
        "" => Err(Error::Invalid("enter the ID of a tenant".to_owned())),
        tenant => asked::tenant(tenant),
    }
}

pub(super) async fn pause(
    operator: Acting,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("pause", entry::reason(&form))?;
    operate::pause(&console.db, scope(&form)?, &audit).await?;
    Ok(Redirect::to("/operators"))
}

pub(super) async fn resume(
    operator: Acting,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("resume", entry::reason(&form))?;
    operate::resume(&console.db, scope(&form)?, &audit).await?;
    Ok(Redirect::to("/operators"))
}
