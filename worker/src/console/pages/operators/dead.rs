//! Dead letters: grouped by reason and error; one or many of them replayed or discarded, after a look at what would happen.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use serde::Deserialize;
use shared::text::printable;
use time::OffsetDateTime;

use super::{entry::audit, import::reason};
use crate::{
    console::{
        access::{Acting, Operator, Visitor},
        dead_letters::{self, PAGE_LETTERS, Replayed},
        error::Error,
        pages::{
            layout::{Place, page},
            parts::{address, ago, counted, notice, pages, thousands},
        },
        state::Console,
    },
    db::{DeadFilter, DeadGroup, DeadState, Page, Paging, StoredDeadLetter},
};

/// Which dead letters are shown, and what became of some just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    reason: String,
    import: String,
    /// The number of the last dead letter of the page before.
    after: String,
    done: String,
}

impl Shown {
    /// The address of another page of the same search.
    fn link(&self, after: &str) -> String {
        let query = [
            ("reason", self.reason.as_str()),
            ("import", &self.import),
            ("after", after),
        ];
        address("/operators/dead", &query)
    }
}

pub(super) async fn show(
    visitor: Visitor,
    operator: Operator,
    State(console): State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let groups = console.db.dead_groups().await?;
    let filter = DeadFilter {
        state: Some(DeadState::Open),
        reason: shown.reason.parse().ok(),
        import_id: shown.import.parse().ok(),
        ..DeadFilter::default()
    };
    let count = console.db.count_dead_letters(&filter).await?;
    let paging = Paging {
        after: shown.after.parse().ok(),
        limit: PAGE_LETTERS,
    };
    let Page { items: letters, next } = console.db.dead_letters(&filter, paging).await?;
    let is_first = paging.after.is_none();
    let now = OffsetDateTime::now_utc();
    let is_filtered = !shown.reason.is_empty() || !shown.import.is_empty();
    let content = html! {
        div.title { h1 { "Dead letters" } span.hint { (counted(u64::try_from(count.count).unwrap_or(0), "open one", "open ones")) } }
        @if !shown.done.is_empty() { (notice("good", "Done", &html! { p { (printable(&shown.done)) } })) }
        @if letters.is_empty() {
            div.empty {
                p { @if is_filtered || !is_first { "None that matches." } @else { "No dead letters. Messages that no retry can help are set aside here." } }
                @if is_filtered || !is_first { p { a href="/operators/dead" { "Show all" } } }
            }
        } @else {
            @if !is_filtered { (grouped(&groups, count.count, now)) } @else { p { a href="/operators/dead" { "Show all" } } }
            form method="post" id="letters" {
                (table(&letters, operator.may_act, now))
                (pages(
                    (!is_first).then(|| ("Oldest", shown.link(""))),
                    next.map(|next| ("Newer", shown.link(&next.to_string()))),
                ))
                @if operator.may_act { (actions(&letters)) }
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Dead, "Dead letters", &content))
}

/// Open dead letters by reason and error: all of them, whatever page is shown.
fn grouped(groups: &[DeadGroup], all: i64, now: OffsetDateTime) -> Markup {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    let rest = unsigned(all - groups.iter().map(|group| group.count).sum::<i64>());
    html! {
        h2 { "By reason" }
        div.scroll tabindex="0" role="region" aria-label="By reason" { table.list {
            thead { tr { th scope="col" { "Reason" } th scope="col" { "Error" } th.number scope="col" { "Open" } th scope="col" { "First" } th scope="col" { "Last" } } }
            tbody { @for group in groups { tr {
                td.nowrap { a href={ "/operators/dead?reason=" (group.reason) } { (group.reason) } }
                td.why { (printable(group.error.as_deref().unwrap_or_default())) }
                td.number { (thousands(unsigned(group.count))) }
                td.nowrap { (ago(group.oldest, now)) } td.nowrap { (ago(group.newest, now)) }
            } }
            @if rest > 0 { tr { td colspan="2" { "Rarer errors" } td.number { (thousands(rest)) } td {} td {} } } }
        } }
        h2.tight { "One by one" }
    }
}

fn table(letters: &[StoredDeadLetter], may_act: bool, now: OffsetDateTime) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Dead letters" { table.list {
            thead { tr {
                @if may_act { th scope="col" { span.hidden { "Choose" } } }
                th.number scope="col" { "No." } th scope="col" { "Reason" } th scope="col" { "Error" } th scope="col" { "Import" }
                th.number scope="col" { "Tenant" } th.number scope="col" { "Retries" } th.number scope="col" { "Bytes" } th scope="col" { "Set aside" }
            } }
            tbody { @for letter in letters { tr {
                @if may_act { td { input type="checkbox" name="letter" value=(letter.dead_letter_id) checked aria-label={ "Dead letter " (letter.dead_letter_id) }; } }
                td.number { (letter.dead_letter_id) }
                td.nowrap { (letter.reason) @if letter.is_cut { " " span.hint { "cut" } } }
                td.why { (printable(letter.error.as_deref().unwrap_or_default())) }
                td.nowrap { @if let Some(import_id) = letter.import_id {
                    a href={ "/operators/imports/" (import_id) } { code { (import_id.to_string().chars().take(8).collect::<String>()) } }
                    @if let Some(state) = letter.import_state { " " span.hint { (state.as_str()) } }
                } }
                td.number { @if let Some(tenant_id) = letter.tenant_id { (tenant_id) } }
                td.number { (letter.retry_count) }
                td.number { (letter.size_bytes) }
                td.nowrap { (ago(letter.set_aside_at, now)) }
            } } }
        } }
    }
}

fn actions(letters: &[StoredDeadLetter]) -> Markup {
    let failed = letters
        .iter()
        .filter(|letter| letter.import_state == Some(crate::db::State::Failed))
        .count() as u64;
    let cut = letters.iter().filter(|letter| letter.is_cut).count() as u64;
    let all = letters.len() as u64;
    html! {
        section.card {
            h2 { "With those that are ticked" }
            p.hint {
                "Replay: " (counted(failed, "failed import is", "failed imports are")) " taken up in a new attempt, and other messages are published again; every step may run twice. "
                @if cut > 0 { (counted(cut, "message was", "messages were")) " too large to be kept and can only be discarded. " }
                "Discard: they are closed and nothing is sent; their imports stay as they are."
            }
            (reason("dead"))
            div.go {
                button.danger type="submit" formaction="/operators/dead/discard" data-counts="Discard" { "Discard " (counted(all, "dead letter", "dead letters")) }
                button.primary type="submit" formaction="/operators/dead/replay" data-counts="Replay" { "Replay " (counted(all, "dead letter", "dead letters")) }
            }
        }
    }
}

/// The dead letters that a form chooses, no more than a page has.
fn chosen(form: &[(String, String)]) -> Vec<i64> {
    let letters = form.iter().filter(|(name, _)| name == "letter");
    letters
        .filter_map(|(_, value)| value.parse().ok())
        .take(PAGE_LETTERS as usize)
        .collect()
}

fn back(done: &str) -> Redirect {
    Redirect::to(&address("/operators/dead", &[("done", done)]))
}

pub(super) async fn replay(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Redirect, Error> {
    let audit = audit(operator.subject, "dead replay", &form);
    let Replayed { replayed, left } = dead_letters::replay(&console, &chosen(&form), &audit).await?;
    let done = format!(
        "{} replayed",
        counted(replayed, "dead letter was", "dead letters were")
    );
    Ok(back(&if left > 0 {
        format!(
            "{done}, {left} left where they are: too large to be kept, closed by somebody else, without a queue, or of an import that cannot be taken up as it is."
        )
    } else {
        format!("{done}.")
    }))
}

pub(super) async fn discard(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Redirect, Error> {
    let audit = audit(operator.subject, "dead discard", &form);
    let count = dead_letters::discard(&console, &chosen(&form), &audit).await?;
    Ok(back(&format!(
        "{} discarded.",
        counted(count, "dead letter was", "dead letters were")
    )))
}
