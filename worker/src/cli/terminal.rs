//! All that a command writes: results to standard output, errors to standard error. Whatever others wrote is
//! made fit to be shown here, so that no command can forget it.

use std::io::{ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;
use shared::text::{printable_json, printable_lines};

use crate::secret::without_credentials;

/// Prints text whose line breaks are ours.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write(&format!("{}\n", printable_lines(text)))
}

/// Prints one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_json_part(&format!("{}\n", serde_json::to_string(value)?))
}

/// Prints a part of a line of JSON; the last one ends with a line break.
pub(super) fn print_json_part(json: &str) -> anyhow::Result<()> {
    let (line, end) = json.strip_suffix('\n').map_or((json, ""), |line| (line, "\n"));
    write(&format!("{}{end}", printable_json(line)))
}

fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        // Whoever reads has enough of it, as `head` has.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// Says on standard error why a command failed; that nobody can read it is no reason to fail otherwise.
pub fn complain(text: &str) {
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}",
        printable_lines(&without_credentials(text))
    );
}
