//! An import under way: its numbers update by themselves, survive a reload, and say why they stand still.

use maud::{Markup, html};
use uuid::Uuid;

use super::{
    icons,
    parts::{counted, thousands},
};
use crate::db::Import;

/// The part of a page that follows an import. Once its state is final, the page is reloaded.
pub(super) fn live(import_id: Uuid, import: Option<&Import>, title: &str) -> Markup {
    let (total, done) = import.map_or((0, 0), |import| {
        let total = import.summary.total;
        (total, total.saturating_sub(import.pending))
    });
    html! {
        section.card data-progress={ "/api/imports/" (import_id) "/progress" } {
            h2 { span.spinner { (icons::running()) } " " (title) }
            progress id="progress-bar" aria-label=(title) max=(total.max(1)) value=[(total > 0).then_some(done)] {}
            p id="progress-text" role="status" {
                @if import.is_none() { "Waiting for its turn …" }
                @else if total == 0 { "Reading the file …" }
                @else { (thousands(done.into())) " of " (counted(total.into(), "row", "rows")) }
            }
            p.hint { "You can close or reload this page: the work continues." }
            noscript { p { a href="" { "Refresh" } } }
        }
    }
}
