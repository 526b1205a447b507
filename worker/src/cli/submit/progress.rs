//! Progress of an import: a bar on a terminal, else a line now and then.

use shared::text::printable;

use crate::{cli::follow::Bar, db::Import, words::counted};

/// Without a terminal, a line is written for each of this many parts of the rows.
const LINES: u64 = 10;

pub(super) struct Progress {
    bar: Bar,
    last_line: String,
}

impl Progress {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            bar: Bar::new()?,
            last_line: String::new(),
        })
    }

    pub(super) fn show(&mut self, import: &Import) {
        let trouble = import
            .trouble()
            .map(|error| format!("retried {}: {error}", counted(import.retry_count, "time")));
        let state = trouble.unwrap_or_else(|| import.state.as_str().to_owned());
        let state = printable(&state).into_owned();
        let total = u64::from(import.summary.total);
        let done = total.saturating_sub(u64::from(import.pending));
        let tenth = (done * LINES).checked_div(total).unwrap_or(0) * total / LINES;
        self.line(format!("{state}, {tenth} of {} done", counted(total, "row")));
        let bar = match total {
            0 => state,
            _ => format!("{done} of {}, {state}", counted(total, "row")),
        };
        self.bar.show(import, bar);
    }

    pub(super) fn say(&mut self, text: &str) {
        let text = printable(text).into_owned();
        self.bar.say(text.clone());
        self.line(text);
    }

    fn line(&mut self, line: String) {
        if self.bar.is_hidden() && line != self.last_line {
            tracing::info!("{line}");
            self.last_line = line;
        }
    }
}
