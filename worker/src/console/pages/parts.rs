//! Small parts that pages share.

use maud::{Markup, html};
use time::{OffsetDateTime, macros::format_description};

use super::icons;
use crate::db::State;

/// How long ago something was, with the exact time on hover.
pub(super) fn ago(at: OffsetDateTime, now: OffsetDateTime) -> Markup {
    html! {
        time datetime=(exact(at)) title=(exact(at)) { (span(now - at)) " ago" }
    }
}

/// A moment to the second, in UTC.
pub(super) fn exact(at: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    at.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

/// A length of time in its largest unit.
pub(super) fn span(length: time::Duration) -> String {
    match length.whole_seconds().max(0) {
        seconds if seconds < 60 => format!("{seconds} s"),
        seconds if seconds < 60 * 60 => format!("{} min", seconds / 60),
        seconds if seconds < 48 * 60 * 60 => format!("{} h", seconds / (60 * 60)),
        seconds => format!("{} d", seconds / (24 * 60 * 60)),
    }
}

/// A state as a word and an icon.
pub(super) fn state(state: State) -> Markup {
    let (kind, icon, word) = match state {
        State::Received => ("wait", icons::clock(), "Received"),
        State::Running => ("run", icons::running(), "Running"),
        State::Completed => ("good", icons::done(), "Completed"),
        State::Rejected => ("bad", icons::wrong(), "Rejected"),
        State::Failed => ("bad", icons::warning(), "Failed"),
        State::Cancelled => ("wait", icons::stopped(), "Cancelled"),
    };
    html! { span class={ "state " (kind) } { (icon) (word) } }
}

/// A number with its noun: `1 row`, `2 rows`.
pub(super) fn counted(number: u64, one: &str, several: &str) -> String {
    format!(
        "{} {}",
        thousands(number),
        if number == 1 { one } else { several }
    )
}

/// A number in groups of three.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A number of a table: a zero is grey, so that the others stand out.
pub(super) fn number(number: u64) -> Markup {
    html! { @if number == 0 { span.zero { "0" } } @else { (thousands(number)) } }
}

/// A notice next to what it is about.
pub(super) fn notice(kind: &str, title: &str, text: &Markup) -> Markup {
    let icon = match kind {
        "good" => icons::done(),
        "wait" => icons::clock(),
        _ => icons::warning(),
    };
    html! {
        div class={ "notice " (kind) } role=[(kind == "bad").then_some("alert")] {
            (icon)
            div { strong { (title) } div { (text) } }
        }
    }
}

/// The address of a page with what is looked for; empty values are left out.
pub(super) fn address(path: &str, query: &[(&str, &str)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
    match text.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The links to the first page of a list and to the next one, each with its word and address, if there is one.
pub(super) fn pages(first: Option<(&str, String)>, next: Option<(&str, String)>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pages aria-label="Pages" {
                @for (word, address) in first.into_iter().chain(next) { a href=(address) { (word) } }
            }
        }
    }
}

/// The first characters of an ID, which are enough for people, with all of it on hover.
pub(super) fn short_id(id: uuid::Uuid) -> Markup {
    html! { code title=(id) { (id.to_string().chars().take(8).collect::<String>()) } }
}

/// A message as a sentence of its own.
pub(super) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let end = if message.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_groups() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(0, "row", "rows"), "0 rows");
    }

    #[test]
    fn an_address_names_what_is_looked_for_and_nothing_else() {
        assert_eq!(address("/a", &[("b", "")]), "/a");
        assert_eq!(address("/a", &[("b", ""), ("c", "d & e")]), "/a?c=d+%26+e");
    }

    #[test]
    fn lengths_of_time_stand_in_their_largest_unit() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7200, "2 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(span(time::Duration::seconds(seconds)), text);
        }
    }
}
