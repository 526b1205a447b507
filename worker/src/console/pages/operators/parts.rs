//! Small parts that the operators' pages share.

use maud::{Markup, html};
use shared::outcome::Outcome;
use time::OffsetDateTime;

use crate::{
    console::pages::{
        icons,
        parts::{exact, number, span},
    },
    db::Import,
};

/// A number as the database counts.
pub(super) fn signed(count: impl Into<i64>) -> Markup {
    number(u64::try_from(count.into()).unwrap_or(0))
}

/// Says that imports wait because an operator has paused them.
pub(super) fn paused() -> Markup {
    html! { span.badge.wait { "Paused" } }
}

/// Whether a pause makes this import wait.
pub(super) const fn is_paused(import: &Import) -> bool {
    import.is_paused && !import.state.is_final()
}

/// A link to the imports of a tenant.
pub(super) fn tenant(tenant_id: impl std::fmt::Display) -> Markup {
    html! { a href={ "/operators/imports?tenant=" (tenant_id) } { (tenant_id) } }
}

/// The outcome of a row as a word and an icon.
pub(super) fn outcome(outcome: Outcome) -> Markup {
    let (kind, icon, word) = match outcome {
        Outcome::Pending => ("wait", icons::clock(), "Pending"),
        Outcome::Created => ("good", icons::done(), "Created"),
        Outcome::Duplicate => ("wait", icons::copies(), "Duplicate"),
        Outcome::Error => ("bad", icons::warning(), "Error"),
        Outcome::Cancelled => ("none", icons::stopped(), "Cancelled"),
    };
    html! { span class={ "state " (kind) } { (icon) (word) } }
}

/// A moment to the second for a log, with its age on hover.
pub(super) fn logged(at: OffsetDateTime, now: OffsetDateTime) -> Markup {
    html! { time datetime=(exact(at)) title={ (span(now - at)) " ago" } { (exact(at)) } }
}

/// With a capital letter, as it stands alone.
pub(super) fn capital(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
