//! The workers, as they last reported themselves.

use maud::{Markup, html};
use shared::text::printable;

use crate::{
    console::pages::{
        icons,
        parts::{ago, thousands},
    },
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
            div.scroll tabindex="0" role="region" aria-label="Workers" { table.list {
                thead { tr {
                    th scope="col" { "State" } th scope="col" { "Worker" } th scope="col" { "Version" }
                    th.number scope="col" { "In hand" } th scope="col" { "Up since" } th scope="col" { "Last seen" }
                } }
                tbody { @for worker in workers { tr {
                    td { (state(worker)) }
                    td.nowrap { (printable(&worker.name)) }
                    td.nowrap { (printable(&worker.version)) }
                    td.number { (thousands(u64::try_from(worker.in_hand).unwrap_or(0))) }
                    td.nowrap { (ago(worker.started_at, worker.now)) }
                    td.nowrap { (ago(worker.beat_at, worker.now)) }
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

/// With a capital letter, as it stands alone.
fn capital(words: &str) -> String {
    let mut characters = words.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
