//! How things stand, at a glance.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::IntoResponse};
use maud::{Markup, html};
use shared::text::printable;
use time::OffsetDateTime;

use super::{
    doctor,
    parts::{self, paused, signed},
    pauses::{self, UnderWay},
    workers,
};
use crate::{
    broker::Waiting,
    checks::Check,
    console::{
        access::{Operator, Visitor},
        error::Error,
        pages::{
            icons,
            layout::{Place, page},
            parts::{ago, counted, exact, notice, number, span},
        },
        state::Console,
    },
    db::{BusyTenant, Paging, Pause},
};

/// Workers on the page; metrics show more than that.
const PAGE_WORKERS: u32 = 500;

/// The imports that the first tile counts.
const UNDER_WAY: &str = "/operators/imports?state=under_way";

/// Those of the third.
const FAILED: &str = "/operators/imports?state=failed";

/// How long the page waits for findings, which are one tile of it.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) async fn show(
    visitor: Visitor,
    operator: Operator,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    let (backlog, health) = (console.db.backlog().await?, console.db.health().await?);
    let rows = u32::try_from(console.db.rows_lately().await?).unwrap_or(u32::MAX);
    let tenants = console.db.busy_tenants(None).await?;
    let seen = console.db.workers(Paging::first(PAGE_WORKERS)).await?.items;
    let pauses = console.db.pauses().await?;
    let paused = console.db.busy_tenants(Some(&pauses::tenants(&pauses))).await?;
    let (waiting, found) = tokio::join!(console.waiting(), console.findings(PATIENCE));
    let now = OffsetDateTime::now_utc();
    let dead = u64::try_from(health.dead_letters).unwrap_or(0);
    let under_way = UnderWay {
        backlog: &backlog,
        paused: &paused,
    };
    let old = time::Duration::try_from(backlog.oldest).unwrap_or(time::Duration::MAX);
    let content = html! {
        div data-refresh="5" {
            div.title {
                h1 { "Overview" } span.hint data-as-of { "as of " (exact(now)) }
                @if operator.may_act { (pauses::buttons(&pauses)) }
            }
            (pauses::lasting(&pauses, under_way, operator.may_act, now))
            @if let Err(error) = &waiting {
                (notice("bad", "The waiting messages cannot be counted", &html! { p { (printable(error)) } }))
            }
            @if let Ok(waiting) = &waiting && waiting.jobs > 0 && workers::all_are_silent(&seen) {
                (notice("bad", &format!("{} waiting, but no worker is running", counted(waiting.jobs, "job is", "jobs are")), &html! {
                    p { "No import starts until one is running: start user-import work." }
                }))
            }
            @for reason in &health.delayed {
                (notice("wait", "Imports are waiting to be retried", &html! { p { (printable(reason)) } }))
            }
            section.counts aria-label="Now" {
                (tile("run", &icons::running(), (backlog.received + backlog.running).into(), ("import in progress", "imports in progress"), UNDER_WAY))
                (tile("wait", &icons::clock(), backlog.pending_rows, ("row waiting", "rows waiting"), UNDER_WAY))
                (tile("bad", &if backlog.failed > 0 { icons::warning() } else { icons::done() }, backlog.failed.into(), ("failed import", "failed imports"), FAILED))
                (tile("bad", &icons::copies(), dead, ("dead letter", "dead letters"), "/operators/dead"))
                (findings(found.as_deref()))
            }
            section.card {
                dl.facts {
                    dt { "Imports by state" } dd.actions {
                        @for (state, count) in [("received", backlog.received), ("running", backlog.running), ("failed", backlog.failed)] {
                            a.nowrap href={ "/operators/imports?state=" (state) } { (number(count.into())) " " (state) }
                        }
                        span { "Finished: "
                            @for (index, state) in ["completed", "rejected", "cancelled"].into_iter().enumerate() {
                                @if index > 0 { " · " } a href={ "/operators/imports?state=" (state) } { (state) }
                            }
                        }
                    }
                    dt { "Rows per second, in the last minute" } dd { (format!("{:.1}", f64::from(rows) / 60.0)) }
                    dt { "Oldest import in progress" } dd { @if backlog.oldest.is_zero() { "none" } @else { (span(old)) } }
                    dt { "Without progress for 10 minutes or more" } dd { (counted(backlog.stalled.into(), "import", "imports")) }
                    dt { "Database" } dd { "PostgreSQL " (health.server_version) ", as " (health.role) }
                    dt { "Broker" } dd { @if waiting.is_ok() { "connected" } @else { "unavailable, see above" } }
                }
            }
            @if let Ok(waiting) = &waiting { h2 { "Messages waiting" } (messages(waiting)) }
            h2 { "Workers" }
            (workers::table(&seen))
            h2.tight { "Tenants with imports in progress" }
            (busy(&tenants, &pauses, now))
            @if operator.may_act { (pauses::dialogs(under_way)) }
        }
    };
    Ok(page(&visitor.bearer, Place::Overview, "Overview", &content))
}

/// How many messages wait, by kind of queue, and what each kind is.
fn messages(waiting: &Waiting) -> Markup {
    let kinds = [
        (
            "Jobs",
            waiting.jobs,
            "Jobs and cancellations that no worker has taken yet",
        ),
        ("Plans", waiting.plans, "Imports whose file is to be read"),
        ("Rows", waiting.rows, "Batches of rows to be created"),
        (
            "Reports",
            waiting.reports,
            "Imports whose reports are to be written",
        ),
        (
            "Waiting to retry",
            waiting.delays,
            "What is tried again after a delay",
        ),
        (
            "Events",
            waiting.events,
            "Events that the Dialer has not read yet",
        ),
    ];
    let troubles = [
        (
            "Quarantine",
            waiting.quarantine,
            "Messages that may have killed workers",
        ),
        (
            "Dead, not stored yet",
            waiting.dead,
            "Messages that the broker set aside and no worker has moved to the dead letters yet",
        ),
    ];
    html! {
        dl.card.kinds {
            @for (kind, messages, title) in kinds { div title=(title) { dt { (kind) } dd { (number(messages)) } } }
            @for (kind, messages, title) in troubles { div title=(title) { dt { (kind) } dd { (trouble(messages)) } } }
        }
    }
}

/// A number that should be zero.
fn trouble(messages: u64) -> Markup {
    html! {
        @if messages > 0 { span.state.bad { (icons::warning()) (number(messages)) } } @else { (number(messages)) }
    }
}

/// A number that leads to what it counts, with its words for one and for several; grey if that is nothing.
fn tile(kind: &str, icon: &Markup, count: u64, (one, several): (&str, &str), href: &str) -> Markup {
    let kind = if count == 0 { "none" } else { kind };
    let words = if count == 1 { one } else { several };
    html! {
        a class={ "count " (kind) } href=(href) { (icon) strong { (number(count)) } span { (words) } }
    }
}

/// What `doctor` finds, as a tile; `None` while it is still looking.
fn findings(found: Option<&[Check]>) -> Markup {
    const PAGE: &str = "/operators/doctor";
    let Some(found) = found else {
        return html! { a.count.none href=(PAGE) { (icons::clock()) strong { "…" } span { "checking the servers" } } };
    };
    match doctor::troubles(found) {
        (0, warnings) => {
            let icon = if warnings > 0 {
                icons::warning()
            } else {
                icons::done()
            };
            tile("wait", &icon, warnings, ("warning", "warnings"), PAGE)
        }
        (failures, warnings) => {
            let mut words = if failures == 1 { "failure" } else { "failures" }.to_owned();
            if warnings > 0 {
                words = format!("{words}, {}", counted(warnings, "warning", "warnings"));
            }
            tile("bad", &icons::wrong(), failures, (&words, &words), PAGE)
        }
    }
}

fn busy(tenants: &[BusyTenant], pauses: &[Pause], now: OffsetDateTime) -> Markup {
    let is_paused = |tenant_id: i64| {
        let mut whose = pauses.iter().map(|pause| pause.tenant_id);
        whose.any(|own| own.is_none_or(|own| own.get() == tenant_id))
    };
    let all: i64 = tenants.iter().map(|tenant| tenant.done_lately).sum();
    html! {
        @if tenants.is_empty() {
            div.empty { p { "No tenant has an import in progress." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Tenants with imports in progress" { table.list.stack {
                thead { tr {
                    th.number scope="col" { "Tenant" } th.number scope="col" { "Imports" } th.number scope="col" { "Rows waiting" }
                    th.number scope="col" { "Done in 10 min" } th.number scope="col" { "Share" } th scope="col" { "Oldest received" }
                } }
                tbody { @for tenant in tenants { tr {
                    td.number data-label="Tenant" { (parts::tenant(tenant.tenant_id)) @if is_paused(tenant.tenant_id) { " " (paused()) } }
                    td.number data-label="Imports" { (signed(tenant.imports)) }
                    td.number data-label="Rows waiting" { (signed(tenant.pending)) }
                    td.number data-label="Done in 10 min" { (signed(tenant.done_lately)) }
                    td.number data-label="Share" { @if all > 0 { (format!("{:.0} %", tenant.done_lately as f64 * 100.0 / all as f64)) } }
                    td.nowrap data-label="Oldest received" { (ago(tenant.oldest, now)) }
                } } }
            } }
        }
    }
}
