//! How dead letters are printed: there may be any number, so each is printed as it comes, and none is kept.

use serde_json::{Value, json};
use shared::text::printable;

use crate::{
    cli::terminal::{print, print_json_part},
    db::StoredDeadLetter,
    steps::event::rfc3339,
    words::counted,
};

/// Prints dead letters as they come: as lines of text, or all as one line of JSON.
pub(super) struct Printer {
    is_json: bool,
    count: u64,
}

impl Printer {
    pub(super) const fn new(is_json: bool) -> Self {
        Self { is_json, count: 0 }
    }

    /// Prints a line that JSON leaves out.
    pub(super) fn say(&self, text: &str) -> anyhow::Result<()> {
        match self.is_json {
            true => Ok(()),
            false => print(text),
        }
    }

    /// Prints one.
    pub(super) fn letter(&mut self, value: Value, text: &str) -> anyhow::Result<()> {
        let begin = if self.count == 0 {
            "{\"dead_letters\":["
        } else {
            ","
        };
        self.count += 1;
        match self.is_json {
            true => print_json_part(&format!("{begin}{value}")),
            false => print(text),
        }
    }

    /// Prints what applies to all of them.
    pub(super) fn end(self, members: &[(&str, Value)], text: &str) -> anyhow::Result<()> {
        if self.is_json {
            let begin = if self.count == 0 {
                "{\"dead_letters\":[]"
            } else {
                "]"
            };
            let members: String = members
                .iter()
                .map(|(name, value)| format!(",\"{name}\":{value}"))
                .collect();
            print_json_part(&format!("{begin}{members}}}\n"))
        } else if text.is_empty() {
            Ok(())
        } else {
            print(text)
        }
    }
}

/// A dead letter as JSON.
pub(super) fn value(letter: &StoredDeadLetter) -> anyhow::Result<Value> {
    Ok(json!({
        "dead_letter_id": letter.dead_letter_id, "set_aside_at": rfc3339(letter.set_aside_at)?,
        "message_id": letter.message_id, "reason": letter.reason, "error": letter.error, "origin": letter.origin,
        "tries": letter.retry_count, "size_bytes": letter.size_bytes, "is_cut": letter.is_cut,
        "import_id": letter.import_id, "tenant_id": letter.tenant_id, "attempt": letter.attempt,
        "import_state": letter.import_state.map(|state| state.as_str()),
        "state": letter.state.as_str(), "closed_at": letter.closed_at.map(rfc3339).transpose()?,
        "closed_by": letter.closed_by,
    }))
}

/// A dead letter in two lines.
pub(super) fn line(letter: &StoredDeadLetter) -> anyhow::Result<String> {
    let import = match (letter.import_id, letter.tenant_id) {
        (Some(import_id), Some(tenant_id)) => {
            let state = letter.import_state.map_or("unknown", |state| state.as_str());
            format!("import {import_id} of tenant {tenant_id}, now {state}")
        }
        _ => "no import".to_owned(),
    };
    let closed = match (letter.closed_at, &letter.closed_by) {
        (Some(at), Some(by)) => format!(
            ", {} {} by {}",
            letter.state.as_str(),
            rfc3339(at)?,
            printable(by)
        ),
        _ => String::new(),
    };
    Ok(format!(
        "{}  {} (from {}, retried {}, set aside {}){closed}\n    {import}: {}",
        letter.dead_letter_id,
        printable(&letter.reason),
        printable(&letter.origin),
        counted(letter.retry_count, "time"),
        rfc3339(letter.set_aside_at)?,
        printable(letter.error.as_deref().unwrap_or("no error recorded")),
    ))
}
