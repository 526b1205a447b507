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
                Some(found) => (table(found, now)),
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Doctor, "Doctor", &content))
}

/// The findings in a line: `1 failed, 2 warnings, 9 unchecked`.
pub(super) fn summary(found: &[Check]) -> String {
    let count = |verdict| found.iter().filter(|check| check.verdict == verdict).count() as u64;
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{failed} failed"));
    }
    if warnings > 0 {
        parts.push(counted(warnings, "warning", "warnings"));
    }
    if parts.is_empty() {
        parts.push("nothing to fix".to_owned());
    }
    parts.push(format!("{} unchecked", count(Verdict::Unchecked)));
    parts.join(", ")
}

fn table(found: &[Check], now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Findings" { table.list.stack {
            thead { tr {
                th scope="col" { "State" } th scope="col" { "Check" } th scope="col" { "Finding and advice" } th scope="col" { "Since" }
            } }
            tbody { @for check in found { tr {
                td { (verdict(check.verdict)) }
                td.nowrap { (check.check) }
                td.found {
                    (printable(&check.found))
                    @if let Some(advice) = &check.advice { div.hint { "→ " (printable(advice)) } }
                }
                td.nowrap { @if let Some(since) = check.since { (ago(since, now)) } }
            } } }
        } }
    }
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
