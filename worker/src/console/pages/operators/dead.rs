//! Dead letters: grouped by reason and error; one or many of them replayed or discarded, after a look at what would happen.

use std::sync::Arc;

use axum::{
    extract::{self, Query},
    response::{IntoResponse, Redirect},
};
use maud::{Markup, html};
use serde::Deserialize;
use shared::text::printable;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    entry,
    import::reason,
    parts::{signed, tenant},
};
use crate::{
    broker::CANCEL,
    console::{
        access::{Acting, Operator, Visitor},
        dead_letters::{self, PAGE_LETTERS, Replayed},
        error::Error,
        form::Fields,
        pages::{
            asked::{PLACE, asked},
            layout::{Place, page},
            parts::{address, ago, counted, notice, pages, short_id},
        },
        state::Console,
    },
    db::{DeadFilter, DeadGroup, DeadState, Page, Paging, State, StoredDeadLetter},
    message::DeadReason,
};

/// Which dead letters are shown, and what was just done with some.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    reason: String,
    error: String,
    /// Only those without an error, if it says anything.
    no_error: String,
    import: String,
    /// The number of the last dead letter of the previous page.
    after: String,
    /// How many were replayed, left where they are, or discarded.
    replayed: Option<u64>,
    left: Option<u64>,
    discarded: Option<u64>,
}

impl Shown {
    /// The address of another page of the same search.
    fn link(&self, after: &str) -> String {
        let query = [
            ("reason", self.reason.as_str()),
            ("error", &self.error),
            ("no_error", &self.no_error),
            ("import", &self.import),
            ("after", after),
        ];
        address("/operators/dead", &query)
    }

    fn filter(&self) -> Result<DeadFilter, Error> {
        Ok(DeadFilter {
            state: Some(DeadState::Open),
            reason: asked(&self.reason, "a reason for which messages are set aside")?,
            error: Some(self.error.clone()).filter(|error| !error.is_empty() || !self.no_error.is_empty()),
            import_id: asked(&self.import, "the ID of an import")?,
            ..DeadFilter::default()
        })
    }

    /// What the list is limited to, with the way back to all.
    fn looked_for(&self, import_id: Option<Uuid>) -> Markup {
        html! {
            p.filtered {
                @if !self.reason.is_empty() { (printable(&self.reason)) " · " }
                @if !self.error.is_empty() { (printable(&self.error)) " · " }
                @else if !self.no_error.is_empty() { "without an error · " }
                @if let Some(import_id) = import_id { "import " a href={ "/operators/imports/" (import_id) } { (short_id(import_id)) } " · " }
                a.nowrap href="/operators/dead" { span aria-hidden="true" { "× " } "Show all" }
            }
        }
    }

    /// What was just done with some, in a sentence.
    fn done(&self) -> Option<String> {
        let were = |number| counted(number, "dead letter was", "dead letters were");
        match (self.replayed, self.left.unwrap_or(0), self.discarded) {
            (Some(replayed), 0, _) => Some(format!("{} replayed.", were(replayed))),
            (Some(replayed), left, _) => Some(format!(
                "{} replayed, {left} left where they are: too large to be kept, closed by somebody else, without a queue, or of an \
                 import that cannot be resumed as it is.",
                were(replayed)
            )),
            (None, _, Some(discarded)) => Some(format!("{} discarded.", were(discarded))),
            (None, _, None) => None,
        }
    }
}

pub(super) async fn show(
    visitor: Visitor,
    operator: Operator,
    extract::State(console): extract::State<Arc<Console>>,
    Query(shown): Query<Shown>,
) -> Result<impl IntoResponse, Error> {
    let groups = console.db.dead_groups().await?;
    let filter = shown.filter()?;
    let count = console.db.count_dead_letters(&filter).await?;
    let paging = Paging {
        after: asked(&shown.after, PLACE)?,
        limit: PAGE_LETTERS,
    };
    let Page { items: letters, next } = console.db.dead_letters(&filter, paging).await?;
    let is_first = paging.after.is_none();
    let now = OffsetDateTime::now_utc();
    let is_filtered = filter.reason.is_some() || filter.error.is_some() || filter.import_id.is_some();
    let content = html! {
        div.title { h1 { "Dead letters" } span.hint { (counted(u64::try_from(count.count).unwrap_or(0), "open", "open")) } }
        @if let Some(done) = shown.done() { (notice("good", "Done", &html! { p { (done) } })) }
        @if is_filtered { (shown.looked_for(filter.import_id)) }
        @if letters.is_empty() {
            div.empty {
                p { @if is_filtered || !is_first { "No matching dead letters." } @else { "No dead letters. Messages that cannot be processed are set aside here." } }
                @if !is_filtered && !is_first { p { a href="/operators/dead" { "Show all" } } }
            }
        } @else {
            @if !is_filtered { (grouped(&groups, count.count, now)) }
            form method="post" id="letters" {
                (table(&letters, operator.may_act, now))
                (pages(
                    (!is_first).then(|| ("Oldest", shown.link(""))),
                    next.map(|next| ("Newer", shown.link(&next.to_string()))),
                ))
                @if operator.may_act { (actions()) }
            }
        }
    };
    Ok(page(&visitor.bearer, Place::Dead, "Dead letters", &content))
}

/// Open dead letters by reason and error: all of them, whatever page is shown.
fn grouped(groups: &[DeadGroup], all: i64, now: OffsetDateTime) -> Markup {
    let rest = all - groups.iter().map(|group| group.count).sum::<i64>();
    html! {
        h2 { "By reason" }
        div.scroll tabindex="0" role="region" aria-label="By reason" { table.list.stack {
            thead { tr { th scope="col" { "Reason" } th scope="col" { "Error" } th.number scope="col" { "Open" } th scope="col" { "First" } th scope="col" { "Last" } } }
            tbody { @for group in groups { tr {
                td.nowrap.lead data-label="Reason" { a href=(address("/operators/dead", &[("reason", &group.reason)])) { (group.reason) } }
                td.why data-label="Error" { a href=(of_group(group)) { (printable(group.error.as_deref().unwrap_or("without an error"))) } }
                td.number data-label="Open" { (signed(group.count)) }
                td.nowrap data-label="First" { (ago(group.oldest, now)) } td.nowrap data-label="Last" { (ago(group.newest, now)) }
            } }
            @if rest > 0 { tr { td.lead colspan="2" data-label="Error" { "Rarer errors" } td.number data-label="Open" { (signed(rest)) } td {} td {} } } }
        } }
        h2.tight { "Individually" }
    }
}

/// The address of a group's dead letters.
fn of_group(group: &DeadGroup) -> String {
    let error = match &group.error {
        Some(error) => ("error", error.as_str()),
        None => ("no_error", "1"),
    };
    address("/operators/dead", &[("reason", &group.reason), error])
}

/// What a replay would do with a dead letter as it stands now.
fn if_replayed(letter: &StoredDeadLetter) -> String {
    match letter.import_state {
        _ if letter.is_cut => "nothing: too large to be kept".to_owned(),
        Some(State::Failed) if letter.origin != CANCEL => "resumes its import".to_owned(),
        Some(State::Received | State::Running) if letter.attempt.is_some() => {
            format!("is sent to {} again, or its import's job is", letter.origin)
        }
        _ if letter.reason == DeadReason::Malformed.as_str() => "comes back here".to_owned(),
        _ => format!("is sent to {} again", letter.origin),
    }
}

fn table(letters: &[StoredDeadLetter], may_act: bool, now: OffsetDateTime) -> Markup {
    html! {
        @if may_act { label.choice { input type="checkbox" id="all-letters"; span { "Select all on this page" } } }
        div.scroll tabindex="0" role="region" aria-label="Dead letters" { table.list.stack {
            thead { tr {
                @if may_act { th scope="col" { span.hidden { "Select" } } }
                th.number scope="col" { "No." } th scope="col" { "Reason" } th scope="col" { "Error" } th scope="col" { "Import" }
                th.number scope="col" { "Tenant" } th.number scope="col" { "Retries" } th.number scope="col" { "Bytes" } th scope="col" { "Set aside" }
                th scope="col" { "If replayed" }
            } }
            tbody { @for letter in letters { tr {
                @if may_act { td data-label="Select" { input type="checkbox" name="letter" value=(letter.dead_letter_id) aria-label={ "Dead letter " (letter.dead_letter_id) }; } }
                td.number data-label="No." { (letter.dead_letter_id) }
                td.nowrap data-label="Reason" { (letter.reason) @if letter.is_cut { " " span.hint { "cut" } } }
                td.why data-label="Error" { (printable(letter.error.as_deref().unwrap_or_default())) }
                td.nowrap data-label="Import" { @if let Some(import_id) = letter.import_id {
                    a href={ "/operators/imports/" (import_id) } { (short_id(import_id)) }
                    @if let Some(state) = letter.import_state { " " span.hint { (state.as_str()) } }
                } }
                td.number data-label="Tenant" { @if let Some(tenant_id) = letter.tenant_id { (tenant(tenant_id)) } }
                td.number data-label="Retries" { (signed(letter.retry_count)) }
                td.number data-label="Bytes" { (signed(letter.size_bytes)) }
                td.nowrap data-label="Set aside" { (ago(letter.set_aside_at, now)) }
                td.nowrap data-label="If replayed" { (if_replayed(letter)) }
            } } }
        } }
    }
}

/// What can be done with those that are selected: at the bottom of the window, wherever the list is scrolled to. The
/// script hides it while none is selected.
fn actions() -> Markup {
    html! {
        p.hint {
            "Replaying does what the last column says for each; a failed import is resumed in a new attempt, and every step may run \
             twice. Discarding closes them and sends nothing; their imports stay as they are."
        }
        div.go.sticky data-none-chosen hidden { span { "Select dead letters to replay or discard them." } }
        div.go.sticky data-chosen {
            (reason("dead"))
            button.danger type="button" data-opens="discard" data-complete data-counts="Discard # …" { "Discard …" }
            button.primary type="submit" formaction="/operators/dead/replay" data-counts="Replay #" { "Replay" }
        }
        dialog id="discard" aria-labelledby="discard-title" {
            h2 id="discard-title" data-counts="Discard #?" { "Discard?" }
            p { "They are closed and nothing is sent, now or later; failed imports stay failed. "
                "This cannot be undone." }
            div.actions {
                button.danger type="submit" formaction="/operators/dead/discard" data-counts="Discard #" { "Discard" }
                button.quiet type="button" data-closes { "Back" }
            }
        }
    }
}

/// The dead letters that a form chooses, at most as many as a page has.
fn chosen(form: &Fields) -> Vec<i64> {
    form.values("letter")
        .filter_map(|number| number.parse().ok())
        .take(PAGE_LETTERS as usize)
        .collect()
}

fn back(done: &[(&str, u64)]) -> Redirect {
    let done: Vec<(&str, String)> = done
        .iter()
        .map(|(name, number)| (*name, number.to_string()))
        .collect();
    let done: Vec<(&str, &str)> = done
        .iter()
        .map(|(name, number)| (*name, number.as_str()))
        .collect();
    Redirect::to(&address("/operators/dead", &done))
}

pub(super) async fn replay(
    operator: Acting,
    extract::State(console): extract::State<Arc<Console>>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("dead replay", entry::reason(&form))?;
    let Replayed { replayed, left } = dead_letters::replay(&console, &chosen(&form), &audit).await?;
    Ok(back(&[("replayed", replayed), ("left", left)]))
}

pub(super) async fn discard(
    operator: Acting,
    extract::State(console): extract::State<Arc<Console>>,
    form: Fields,
) -> Result<Redirect, Error> {
    let audit = operator.audit("dead discard", entry::reason(&form))?;
    let count = dead_letters::discard(&console, &chosen(&form), &audit).await?;
    Ok(back(&[("discarded", count)]))
}
