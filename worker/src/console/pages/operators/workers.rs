//! The workers, as they last reported themselves.

use maud::{Markup, html};
use shared::text::printable;

use super::parts::{capital, signed};
use crate::{
    console::pages::{icons, parts::ago},
    db::SeenWorker,
};

/// What a worker reports when it is connected and takes messages.
const CONSUMING: &str = "consuming";

/// A table of them.
pub(super) fn table(workers: &[SeenWorker]) -> Markup {
    html! {
        @if workers.is_empty() {
            div.empty { p { "No worker has reported that it is running: start user-import work." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Workers" { table.list.stack {
                thead { tr {
                    th scope="col" { "State" } th scope="col" { "Worker" } th scope="col" { "Version" }
                    th.number scope="col" { "In hand" } th scope="col" { "Up since" } th scope="col" { "Last seen" }
                } }
                tbody { @for worker in workers { tr {
                    td data-label="State" { (state(worker)) }
                    td.nowrap.lead data-label="Worker" { (printable(&worker.name)) }
                    td.nowrap data-label="Version" { (printable(&worker.version)) }
                    td.number data-label="In hand" { (signed(worker.in_hand)) }
                    td.nowrap data-label="Up since" { (ago(worker.started_at, worker.now)) }
                    td.nowrap data-label="Last seen" { (ago(worker.beat_at, worker.now)) }
                } } }
            } }
        }
    }
}

/// Whether there is no worker that would take a job.
pub(super) fn all_are_silent(workers: &[SeenWorker]) -> bool {
    workers.iter().all(SeenWorker::is_silent)
}

fn state(worker: &SeenWorker) -> Markup {
    let (kind, icon, words) = if worker.is_silent() {
        ("bad", icons::warning(), "Not seen")
    } else if worker.is_late() {
        ("wait", icons::clock(), "Late")
    } else if worker.stage == CONSUMING {
        ("good", icons::done(), "Connected")
    } else {
        ("wait", icons::clock(), worker.stage.as_str())
    };
    html! { span class={ "state " (kind) } { (icon) (capital(&printable(words))) } }
}
