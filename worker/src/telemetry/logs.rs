//! The log, on standard error: lines for people, or JSON for whoever collects logs.

use std::{fs::File, io::Write, os::fd::AsFd};

use shared::text::printable;
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub use super::log_writer::LogEnd;
use super::{identity, json_lines::JsonLines, log_writer::LogWriter};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people; never with colours
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Log")]
pub struct Options {
    /// What is logged, such as `warn` or `info,worker=debug` [default: info, less from libraries]
    #[arg(long = "log", env = "RUST_LOG", value_name = "FILTER", global = true, value_parser = filter)]
    filter: Option<String>,
    /// How log lines are written
    #[arg(
        long,
        env = "LOG_FORMAT",
        value_name = "FORMAT",
        global = true,
        value_enum,
        default_value_t
    )]
    log_format: Format,
    /// Name of this process in logs, metrics and traces [default: host name and process ID]
    #[arg(long, env = "WORKER_NAME", value_name = "NAME", global = true, value_parser = identity::parse_name)]
    worker_name: Option<String>,
}

/// Only validated here; it is parsed again when it is used, because a filter cannot be cloned.
fn filter(text: &str) -> Result<String, String> {
    const FORM: &str = "a filter is a level (error, warn, info, debug, trace, off) or MODULE=LEVEL,…";
    // To the library, a lone word is a module of which everything is logged, and nothing of all others: usually a slip.
    let is_slip = |part: &&str| {
        let part = part.trim();
        !part.is_empty() && !part.contains(['=', '[']) && part.parse::<LevelFilter>().is_err()
    };
    if let Some(part) = text.split(',').find(is_slip) {
        return Err(format!("{part:?} is not a level; {FORM}"));
    }
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("{error}; {FORM}"))
}

impl Options {
    /// Name of this process.
    pub fn name(&self) -> String {
        self.worker_name.clone().unwrap_or_else(identity::default_name)
    }

    /// Starts the log. Call it once, and keep the result until the program ends.
    pub fn start(&self, default_filter: &str) -> std::io::Result<LogEnd> {
        // Not the standard library's handle: a panic needs it too, and a destination that hangs would hold its lock.
        let stderr = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
        let (writer, end) = LogWriter::start(stderr)?;
        let filter = match self.filter.as_deref() {
            None | Some("") => EnvFilter::new(default_filter),
            Some(filter) => EnvFilter::new(filter),
        };
        let registry = tracing_subscriber::registry().with(filter).with(limits());
        match self.log_format {
            Format::Text => registry
                .with(
                    tracing_subscriber::fmt::layer()
                        .with_writer(move || Lines(writer.clone()))
                        .with_target(false)
                        // A whole line is made safe to show, and the codes of colours would be escaped with it.
                        .with_ansi(false)
                        // They would go where the log itself goes, and panic if that is gone.
                        .log_internal_errors(false),
                )
                .init(),
            Format::Json => registry.with(JsonLines::new(self.name(), writer)).init(),
        }
        Ok(end)
    }
}

/// The most that each part may log, whatever the filter is. lapin logs the frames of its log-in, and the bodies of
/// messages that come back; what other libraries log on their lowest level may hold secrets.
fn limits() -> Targets {
    Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_target("lapin", LevelFilter::OFF)
        .with_targets(["shared", "user_import", "worker"].map(|ours| (ours, LevelFilter::TRACE)))
}

/// Makes an event one line that is safe to show.
#[derive(Debug)]
struct Lines(LogWriter);

impl Write for Lines {
    /// Takes one event, including its line break.
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(format!("{}\n", printable(line)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_looked_at_before_it_is_used() {
        assert!(filter("info,worker=debug").is_ok());
        assert!(filter("worker=loud").unwrap_err().contains("a filter is a level"));
        assert!(filter("").is_ok());
        assert!(filter("off,worker=debug").is_ok());
        for slip in ["wran", "worker:debug", "a b", "info,wran"] {
            assert!(filter(slip).unwrap_err().contains("is not a level"), "{slip}");
        }
    }
}
