//! One import: what happened to it, its rows by outcome and code, and what can be done.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use shared::text::printable;
use time::{OffsetDateTime, macros::format_description};
use uuid::Uuid;

use super::{
    entry,
    imports::why,
    parts::{is_paused, outcome, paused},
};
use crate::{
    console::{
        access::{Acting, Operator, Visitor},
        error::Error,
        form::Fields,
        imports::has_reports,
        pages::{
            layout::{Place, page},
            parts::{ago, counted, exact, short_id, span, state, thousands},
        },
        state::Console,
    },
    db::{DeadFilter, DeadState, HistoryEntry, Import, Row, State as ImportState},
    operate::{self, ReplayOptions},
};

/// Rows on the page; all others are counted.
const SHOWN_ROWS: usize = 500;

pub(super) async fn show(
    visitor: Visitor,
    operator: Operator,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
) -> Result<Response, Error> {
    let import = console
        .db
        .find(import_id)
        .await?
        .ok_or(Error::NotFound("import"))?;
    let history = console.db.history(import_id).await?;
    let rows = console.db.rows(import.job.tenant_id, import_id, &[]).await?;
    let filter = DeadFilter {
        state: Some(DeadState::Open),
        import_id: Some(import_id),
        ..DeadFilter::default()
    };
    let dead = console.db.count_dead_letters(&filter).await?.count;
    let now = OffsetDateTime::now_utc();
    let content = html! {
        a.back href="/operators/imports" { "← Imports" }
        div data-refresh=[may_change(&import).then_some("3")] {
            div.title {
                h1 { "Import " (short_id(import_id)) }
                (state(import.state)) @if is_paused(&import) { (paused()) }
                @if operator.may_act { (actions(&import)) }
            }
            div.columns {
                section.card { h2 { "Timeline" } (timeline(&history, now)) }
                section.card { (facts(&import, dead, now)) }
            }
            h2 { "Rows" }
            (table(&rows))
            @if operator.may_act { (dialogs(&import)) }
        }
    };
    Ok(page(&visitor.bearer, Place::OperatorImports, "Import", &content).into_response())
}

/// Whether it will go on, by itself or once somebody replays it.
fn may_change(import: &Import) -> bool {
    import.state == ImportState::Failed || !import.state.is_final()
}

fn facts(import: &Import, dead: i64, now: OffsetDateTime) -> Markup {
    let summary = import.summary;
    html! {
        dl.facts {
            dt { "ID" } dd { code { (import.job.import_id) } }
            dt { "Tenant" } dd { a href={ "/operators/imports?tenant=" (import.job.tenant_id) } { (import.job.tenant_id) } }
            dt { "Mode" } dd { (import.job.mode.as_str()) }
            @if let Some(by) = &import.job.requested_by { dt { "Requested by" } dd { (printable(by)) } }
            dt { "Attempt" } dd { (import.attempt) }
            dt { "Rows" } dd {
                (thousands(summary.total.into())) ": " (thousands(summary.created.into())) " created, "
                (counted(summary.duplicates.into(), "duplicate", "duplicates")) ", " (counted(summary.errors.into(), "error", "errors"))
                @if summary.cancelled > 0 { ", " (summary.cancelled) " cancelled" }
                @if import.pending > 0 { ", " (import.pending) " pending" }
            }
            @if !why(import).is_empty() { dt { "Why" } dd { (why(import)) } }
            @if import.retry_count > 0 { dt { "Retries" } dd { (import.retry_count) } }
            @if import.rescues > 0 { dt { "Rescues" } dd { (import.rescues) } }
            @if dead > 0 { dt { "Open dead letters" } dd { a href={ "/operators/dead?import=" (import.job.import_id) } { (dead) } } }
            @if let Some(format) = &import.format { dt { "File" } dd { (format.encoding.as_str()) ", " (format.delimiter.as_str()) } }
            dt { "Reports" } dd { @if has_reports(import) && import.success_purged_at.is_none() { "in storage; only the tenant can download them" } @else if has_reports(import) { "purged" } @else { "none yet" } }
            dt { "Received" } dd { (ago(import.received_at, now)) }
            @if let Some(finished_at) = import.finished_at { dt { "Took" } dd { (span(finished_at - import.received_at)) } }
        }
    }
}

fn timeline(history: &[HistoryEntry], now: OffsetDateTime) -> Markup {
    let before = std::iter::once(None).chain(history.iter().map(|entry| Some(entry.at)));
    html! {
        @if history.is_empty() {
            p.hint { "Nothing was recorded: the import is older than the timeline." }
        } @else {
            ol.timeline {
                @for (entry, previous) in history.iter().zip(before) {
                    li {
                        (when(entry.at, previous, now))
                        span { strong { (event_label(&entry.event)) }
                            @if let Some(by) = &entry.by { " by " (printable(by)) }
                            @if let Some(attempt) = entry.attempt.filter(|attempt| *attempt > 1) { " (attempt " (attempt) ")" }
                            @if let Some(details) = &entry.details { span.block.hint { (printable(details)) } }
                        }
                    }
                }
            }
        }
    }
}

/// The clock time of an entry and how long after the previous one it was, with date and age on hover.
fn when(at: OffsetDateTime, previous: Option<OffsetDateTime>, now: OffsetDateTime) -> Markup {
    let since = previous.map(|previous| at - previous);
    html! {
        span.when {
            time datetime=(exact(at)) title={ (exact(at)) ", " (span(now - at)) " ago" } { (clock(at)) }
            @if let Some(since) = since.filter(|since| since.whole_seconds() > 0) { " +" (span(since)) }
        }
    }
}

/// What a clock shows, in UTC.
fn clock(at: OffsetDateTime) -> String {
    let form = format_description!("[hour]:[minute]:[second]");
    at.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

/// What happened, as people say it. A command that has no words here keeps its name.
fn event_label(event: &str) -> &str {
    match event {
        "received" => "Job received",
        "planned" => "File read, all rows validated",
        "batch" => "Rows processed",
        "retried" => "Postponed after an error",
        "rescued" => "Messages were lost, job published again",
        "reopened" => "New attempt",
        "finished" => "Finished",
        "told" => "Event created for the Dialer",
        "paused" => "Paused",
        "resumed" => "Resumed",
        "database_away" => "Database unavailable",
        "broker_away" => "Broker unavailable",
        "cancel" => "Cancelled",
        "replay" => "Replayed",
        "dead replay" => "Dead letter replayed",
        "dead discard" => "Dead letter discarded",
        "reports" => "Reports downloaded",
        "download-success" => "Passwords downloaded",
        "purge" => "Data purged",
        command => command,
    }
}

/// Rows by number, outcome and codes: sentences of problems hold cells, and are only for their tenant.
fn table(rows: &[Row]) -> Markup {
    html! {
        @if rows.is_empty() {
            div.empty { p { "No rows: the file has not been read yet or was rejected, or its rows were purged." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Rows" { table.list.stack {
                thead { tr {
                    th.number scope="col" { "Row" } th.number scope="col" { "Line" } th scope="col" { "Outcome" }
                    th scope="col" { "Codes" } th.number scope="col" { "User" } th.number scope="col" { "Attempt" }
                } }
                tbody { @for row in rows.iter().take(SHOWN_ROWS) { tr {
                    td.number data-label="Row" { (row.row) } td.number data-label="Line" { (row.line) }
                    td data-label="Outcome" { (outcome(row.outcome)) }
                    td data-label="Codes" {
                        @for problem in &row.problems {
                            code { (problem.code.as_str()) } @if let Some(field) = problem.field { " " span.hint { (field.label()) } } " "
                        }
                    }
                    td.number data-label="User" { @if let Some(user_id) = row.user_id { (user_id) } } td.number data-label="Attempt" { (row.attempt) }
                } } }
            } }
            @if rows.len() > SHOWN_ROWS { p.hint { "The first " (SHOWN_ROWS) " of " (rows.len()) " rows." } }
        }
    }
}

/// What can be done with an import as it stands.
fn can(import: &Import) -> (bool, bool) {
    let summary = import.summary;
    let refused = summary.errors + summary.duplicates > 0;
    let cancel = match import.state {
        ImportState::Received | ImportState::Failed => true,
        ImportState::Running => import.pending > 0,
        ImportState::Completed | ImportState::Rejected | ImportState::Cancelled => false,
    };
    let replay = match import.state {
        ImportState::Completed => refused,
        ImportState::Received
        | ImportState::Running
        | ImportState::Rejected
        | ImportState::Failed
        | ImportState::Cancelled => true,
    };
    (cancel, replay && import.rows_purged_at.is_none())
}

fn actions(import: &Import) -> Markup {
    let (cancel, replay) = can(import);
    html! {
        div.actions {
            @if replay { button type="button" data-opens="replay" { "Replay …" } }
            @if cancel { button.danger type="button" data-opens="cancel" { "Cancel …" } }
        }
    }
}

fn dialogs(import: &Import) -> Markup {
    let (cancel, replay) = can(import);
    let import_id = import.job.import_id;
    let summary = import.summary;
    let pending = u64::from(import.pending);
    let refused = u64::from(summary.errors + summary.duplicates);
    let cancelled = u64::from(summary.cancelled);
    let only_refused = matches!(import.state, ImportState::Completed | ImportState::Rejected);
    html! {
        @if cancel {
            dialog id="cancel" aria-labelledby="cancel-title" {
                h2 id="cancel-title" { "Cancel this import?" }
                p {
                    @if import.planned_at.is_none() { "Its file will not be read. " }
                    @else if pending > 0 { (counted(pending, "pending row", "pending rows")) " will not be processed. " }
                    @match summary.created {
                        0 => "No users were created.",
                        created => { (counted(created.into(), "user that was created is kept", "users that were created are kept")) "." }
                    }
                    @if import.planned_at.is_some() { " The reports are written." } " The Dialer is notified." }
                form method="post" action={ "/operators/imports/" (import_id) "/cancel" } {
                    (reason("cancel"))
                    div.actions { button.danger type="submit" { @if pending == 0 { "Cancel the import" } @else { "Cancel " (counted(pending, "row", "rows")) } } button.quiet type="button" data-closes { "Back" } }
                }
            }
        }
        @if replay {
            dialog id="replay" aria-labelledby="replay-title" {
                h2 id="replay-title" { "Replay this import?" }
                p {
                    @match import.state {
                        ImportState::Received | ImportState::Running => "It is in progress: its job is published again, which changes nothing if all is well.",
                        ImportState::Cancelled if import.planned_at.is_none() => "Its file is read, in a new attempt, and its users are created.",
                        ImportState::Rejected => "Its file is read again, in a new attempt.",
                        ImportState::Cancelled => "It is replayed in a new attempt. Cancelled rows stay cancelled, unless you choose otherwise below.",
                        ImportState::Completed => "Refused rows are validated again, in a new attempt with its own reports.",
                        _ => "Rows without an outcome are resumed in a new attempt. No user is created twice, and delivered passwords do not change.",
                    }
                }
                form method="post" action={ "/operators/imports/" (import_id) "/replay" } {
                    @if only_refused {
                        input type="hidden" name="errors" value="on";
                    } @else if refused > 0 {
                        label.choice { input type="checkbox" name="errors" value="on"; span { "Also validate " (counted(refused, "refused row", "refused rows")) " again" } }
                    }
                    @if import.state == ImportState::Cancelled && import.planned_at.is_none() {
                        input type="hidden" name="cancelled" value="on";
                    } @else if cancelled > 0 {
                        label.choice { input type="checkbox" name="cancelled" value="on"; span { "Create the users of " (counted(cancelled, "cancelled row", "cancelled rows")) " after all" } }
                    }
                    (reason("replay"))
                    div.actions { button.primary type="submit" { "Replay" } button.quiet type="button" data-closes { "Back" } }
                }
            }
        }
    }
}

pub(super) fn reason(of: &str) -> Markup {
    html! {
        div.field.reason {
            label for={ "reason-" (of) } { "Reason (for the audit trail)" }
            input id={ "reason-" (of) } name="reason" type="text" maxlength="500" required placeholder="A ticket or a sentence";
        }
    }
}

pub(super) async fn cancel(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("cancel", entry::reason(&form))?;
    // First, so that nothing is changed while the broker is away.
    console.publisher.link().await?;
    let done = operate::cancel(&console.db, import_id, &audit).await?;
    console.publisher.publish(&done.messages).await?;
    Ok(Redirect::to(&format!("/operators/imports/{import_id}")))
}

pub(super) async fn replay(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("replay", entry::reason(&form))?;
    console.publisher.link().await?;
    let options = ReplayOptions {
        errors: form.value("errors").is_some(),
        cancelled: form.value("cancelled").is_some(),
        abandon_passwords: false,
    };
    let done = operate::replay(&console.db, import_id, options, &audit).await?;
    console.publisher.publish(&done.messages).await?;
    Ok(Redirect::to(&format!("/operators/imports/{import_id}")))
}
