//! All that a command writes: results to standard output, errors to standard error. Text from others is made safe to
//! show here, so that no command can forget it.

use std::io::{ErrorKind, IsTerminal, Write};

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

/// Prints a file as it is; to a terminal as text that is harmless there.
pub(super) fn print_bytes(content: &[u8]) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        print(String::from_utf8_lossy(content).trim_end())
    } else {
        write_bytes(content).map(drop)
    }
}

fn write(text: &str) -> anyhow::Result<Reader> {
    write_bytes(text.as_bytes())
}

fn write_bytes(content: &[u8]) -> anyhow::Result<Reader> {
    let mut out = std::io::stdout().lock();
    match out.write_all(content).and_then(|()| out.flush()) {
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
