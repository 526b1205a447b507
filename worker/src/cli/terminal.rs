//! All that a command writes: results to standard output, errors to standard error. Text from others is made safe to
//! show here, so that no command can forget it.

use std::io::{ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;
use shared::text::{printable_json, printable_lines};

use crate::secret::without_credentials;

/// Whether somebody still reads what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    There,
    /// The reader has closed the pipe, as `head` does.
    Gone,
}

/// Prints text whose line breaks are ours, or a line of JSON, and tells whether somebody still reads: for a command
/// that prints until nobody does.
pub(super) fn offer(json: bool, value: &impl Serialize, text: &str) -> anyhow::Result<Reader> {
    if json {
        write(&format!("{}\n", printable_json(&serde_json::to_string(value)?)))
    } else {
        write(&format!("{}\n", printable_lines(text)))
    }
}

/// Prints text whose line breaks are ours.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write(&format!("{}\n", printable_lines(text))).map(drop)
}

/// Prints one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_json_part(&format!("{}\n", serde_json::to_string(value)?))
}

/// Prints a part of a line of JSON; the last one ends with a line break.
pub(super) fn print_json_part(json: &str) -> anyhow::Result<()> {
    let (line, end) = json.strip_suffix('\n').map_or((json, ""), |line| (line, "\n"));
    write(&format!("{}{end}", printable_json(line))).map(drop)
}

fn write(text: &str) -> anyhow::Result<Reader> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        written => {
            written.context("cannot write to standard output")?;
            Ok(Reader::There)
        }
    }
}

/// Says on standard error why a command failed. A failure to write that is ignored.
pub fn complain(text: &str) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}",
        printable_lines(&without_credentials(text))
    );
}
