//! Panics are reported by their place, never by their text: it may quote what was being worked on, a cell's value for
//! instance.

use std::cell::Cell;

thread_local! {
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Logs the place of every panic instead of printing its text. To be called once, by the program.
pub fn log_places() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
        tracing::error!(place, "panic");
        PLACE.set(Some(place));
    }));
}

/// Where this thread panicked last; asked where a panic was caught.
pub(crate) fn place() -> String {
    PLACE.take().unwrap_or_else(|| UNKNOWN.to_owned())
}

const UNKNOWN: &str = "an unknown place";
