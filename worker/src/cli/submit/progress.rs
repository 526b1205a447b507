//! Progress of an import: a bar on a terminal, else a line now and then.

use indicatif::{ProgressBar, ProgressStyle};
use shared::text::printable;

use crate::db::Import;

/// Without a terminal, a line is written for each such part of the rows.
const LINES: u64 = 10;

pub(super) struct Progress {
    bar: ProgressBar,
    last_line: String,
}

impl Progress {
    pub(super) fn new() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {msg}")?;
        Ok(Self {
            bar: ProgressBar::new(0).with_style(style),
            last_line: String::new(),
        })
    }

    pub(super) fn show(&mut self, import: &Import) {
        let total = u64::from(import.summary.total);
        let settled = total.saturating_sub(u64::from(import.pending));
        self.bar.set_length(total);
        self.bar.set_position(settled);
        let trouble = import
            .trouble()
            .map(|error| format!("put off {} times: {error}", import.retry_count));
        let state = trouble.unwrap_or_else(|| import.state.as_str().to_owned());
        let state = printable(&state).into_owned();
        self.bar.set_message(state.clone());
        let tenth = (settled * LINES).checked_div(total).unwrap_or(0) * total / LINES;
        self.line(format!("{state}, {tenth} of {total} rows done"));
    }

    pub(super) fn say(&mut self, text: &str) {
        let text = printable(text).into_owned();
        self.bar.set_message(text.clone());
        self.line(text);
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&mut self, line: String) {
        if self.bar.is_hidden() && line != self.last_line {
            tracing::info!("{line}");
            self.last_line = line;
        }
    }
}
