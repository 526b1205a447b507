//! What `doctor` finds, since when, and what to do: the worst first.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::IntoResponse};
use maud::{Markup, html};
use shared::text::printable;
use time::OffsetDateTime;

use crate::{
    checks::{Check, Verdict},
    console::{
        access::{Operator, Visitor},
        error::Error,
        pages::{
            icons,
            layout::{Place, page},
            parts::{ago, counted, notice},
        },
        state::Console,
    },
};

/// How long the page waits for the checks. They take a second or two, unless a server is unavailable.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn show(
    visitor: Visitor,
    _: Operator,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    let found = console.findings(PATIENCE).await;
    let now = OffsetDateTime::now_utc();
    let content = html! {
        div data-refresh="10" {
            div.title { h1 { "Doctor" } @if let Some(found) = &found { span.hint { (summary(found)) } } }
            @match &found {
                None => (notice("wait", "Checking the servers", &html! { p { "One of them has not answered yet. Come back in a few seconds." } })),
                Some(found) => (findings(found, now)),
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Doctor, "Doctor", &content))
}

/// How many checks have failed, and how many warn.
pub(super) fn troubles(found: &[Check]) -> (u64, u64) {
    let count = |verdict| found.iter().filter(|check| check.verdict == verdict).count() as u64;
    (count(Verdict::Failed), count(Verdict::Warning))
}

/// The findings in a line: `1 failure, 2 warnings`.
fn summary(found: &[Check]) -> String {
    let (failures, warnings) = troubles(found);
    let parts = [
        (failures > 0).then(|| counted(failures, "failure", "failures")),
        (warnings > 0).then(|| counted(warnings, "warning", "warnings")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "nothing to fix".to_owned()
    } else {
        parts.join(", ")
    }
}

/// What was checked, and below it what cannot be checked from here, which is always the same.
fn findings(found: &[Check], now: OffsetDateTime) -> Markup {
    let (unchecked, checked): (Vec<&Check>, Vec<&Check>) = found
        .iter()
        .partition(|check| check.verdict == Verdict::Unchecked);
    html! {
        (table("Findings", &checked, now))
        @if !unchecked.is_empty() {
            details.tight id="unchecked" {
                summary {
                    (counted(unchecked.len() as u64, "check", "checks"))
                    " that only " code { "user-import doctor" } " can make, where a worker runs"
                }
                (table("Checks that cannot be made here", &unchecked, now))
            }
        }
    }
}

fn table(label: &str, found: &[&Check], now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) { table.list.stack {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Check" } th scope="col" { "Finding and advice" } th scope="col" { "Since" }
            } }
            tbody { @for check in found { tr {
                td data-label="State" { (verdict(check.verdict)) }
                td.nowrap.lead data-label="Check" { (check.check) }
                td.found data-label="Finding" {
                    (printable(&check.found))
                    @if let Some(text) = &check.advice { (advice(check, text)) }
                }
                td.nowrap data-label="Since" { @if let Some(since) = check.since { (ago(since, now)) } }
            } } }
        } }
    }
}

/// What to do: the page of the console where it is done, if there is one, and what a terminal offers.
fn advice(check: &Check, text: &str) -> Markup {
    let page = page_of(check.check).filter(|_| check.verdict != Verdict::Unchecked);
    html! {
        @if let Some((href, words)) = page { div { a href=(href) { (words) } } }
        div.hint {
            "→ " @if text.starts_with("user-import ") { code { (printable(text)) } } @else { (printable(text)) }
        }
    }
}

/// The page of the console about what a check looks at.
fn page_of(check: &str) -> Option<(&'static str, &'static str)> {
    Some(match check {
        "imports" => ("/operators/imports?state=failed", "Show the failed imports"),
        "delays" | "progress" => (
            "/operators/imports?state=under_way",
            "Show the imports in progress",
        ),
        "pauses" => ("/operators", "Show the pauses"),
        "dead letters" => ("/operators/dead", "Show the dead letters"),
        "workers" => ("/operators", "Show the workers"),
        _ => return None,
    })
}

fn verdict(verdict: Verdict) -> Markup {
    let (kind, icon, word) = match verdict {
        Verdict::Ok => ("good", icons::done(), "OK"),
        Verdict::Warning => ("wait", icons::warning(), "Warning"),
        Verdict::Failed => ("bad", icons::wrong(), "Failed"),
        Verdict::Unchecked => ("none", icons::stopped(), "Unchecked"),
    };
    html! { span class={ "state " (kind) } { (icon) (word) } }
}
