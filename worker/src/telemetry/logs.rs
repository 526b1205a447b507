//! The log, on standard error: lines for people, or JSON for whoever collects logs.

use std::{fmt::Write as _, io::Write};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::text::{printable, printable_json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::Context,
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use super::{identity, traces};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people; without colours, wherever it is shown
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Log")]
pub struct Options {
    /// What is logged, as `warn` or `info,worker=debug` [default: info, less of the libraries]
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

/// Only looked at here; it is parsed once more when it is used, because a filter cannot be cloned.
fn filter(text: &str) -> Result<String, String> {
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| {
            format!("{error}; a filter is a level (error, warn, info, debug, trace) or MODULE=LEVEL,…")
        })
}

impl Options {
    /// Name of this process.
    pub fn name(&self) -> String {
        self.worker_name.clone().unwrap_or_else(identity::default_name)
    }

    /// Starts the log. To be called once, by the program.
    pub fn start(&self, default_filter: &str) {
        let filter = match self.filter.as_deref() {
            None | Some("") => EnvFilter::new(default_filter),
            Some(filter) => EnvFilter::new(filter),
        };
        let registry = tracing_subscriber::registry().with(filter).with(limits());
        match self.log_format {
            Format::Text => registry
                .with(
                    tracing_subscriber::fmt::layer()
                        .with_writer(|| Lines)
                        .with_target(false)
                        // A line is made fit to be shown as a whole, colours would be too.
                        .with_ansi(false)
                        // It would be told where the log itself is, and with a panic where that is gone.
                        .log_internal_errors(false),
                )
                .init(),
            Format::Json => registry.with(JsonLines::new(self.name(), std::io::stderr)).init(),
        }
    }
}

/// How much each part may say at most, whatever the filter is. lapin logs the frames of its log-in, and the bodies of messages
/// that come back; of what other libraries have on their lowest level nobody knows that it holds no secret.
fn limits() -> Targets {
    Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_target("lapin", LevelFilter::OFF)
        .with_targets(["shared", "user_import", "worker"].map(|ours| (ours, LevelFilter::TRACE)))
}

/// Where log lines go. A program works on without its log: its destination may be full, or gone.
#[derive(Debug)]
struct Lines;

impl Write for Lines {
    /// Takes one event, with the line break behind it.
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        // In one piece, so that the lines of processes that share a destination stay whole.
        let _ = std::io::stderr().write_all(format!("{}\n", printable(line)).as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes each event as one JSON object, see [`Line`].
struct JsonLines<W> {
    worker: String,
    writer: W,
}

impl<W> JsonLines<W> {
    const fn new(worker: String, writer: W) -> Self {
        Self { worker, writer }
    }
}

/// One line. These fields and no others, so that whoever stores logs has a schema that does not grow: what only some events
/// tell is in `fields`. A field that is not known is left out.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
    worker: &'a str,
    version: &'static str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Value>,
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(Fields(of_span)) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.clone());
            }
        }
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        let line = Line {
            timestamp: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            level: level(event),
            message: fields.remove("message"),
            error: fields.remove("error"),
            worker: &self.worker,
            version: identity::VERSION,
            target: event.metadata().target(),
            task: fields.remove("task"),
            import_id: fields.remove("import_id"),
            tenant_id: fields.remove("tenant_id"),
            attempt: fields.remove("attempt"),
            trace_id: traces::current_trace_id(),
            fields,
        };
        if let Ok(text) = serde_json::to_string(&line) {
            let line = format!("{}\n", printable_json(&text));
            // A program works on without its log.
            let _ = self.writer.make_writer().write_all(line.as_bytes());
        }
    }
}

fn level(event: &Event<'_>) -> &'static str {
    match *event.metadata().level() {
        tracing::Level::ERROR => "error",
        tracing::Level::WARN => "warn",
        tracing::Level::INFO => "info",
        tracing::Level::DEBUG => "debug",
        tracing::Level::TRACE => "trace",
    }
}

/// Fields of a span or an event.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = String::new();
        // What cannot be written is left out.
        if write!(text, "{value:?}").is_ok() {
            self.put(field, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Debug, Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let layer = JsonLines::new("w1".to_owned(), move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_the_fixed_fields_and_the_rest_below_fields() {
        let lines = logged(|| {
            let span = tracing::info_span!("task", task = "plan", import_id = "i", tenant_id = 7);
            let _entered = span.enter();
            tracing::warn!(error = %"no way", retry_count = 2, "trying again\nlater");
        });
        let line = &lines[0];
        assert_eq!(lines.len(), 1, "a line break in a message begins no new line");
        for (name, expected) in [
            ("level", "warn"),
            ("message", "trying again\nlater"),
            ("error", "no way"),
            ("worker", "w1"),
            ("version", identity::VERSION),
            ("task", "plan"),
            ("import_id", "i"),
        ] {
            assert_eq!(line[name], expected, "{name}");
        }
        assert_eq!(line["tenant_id"], 7);
        assert_eq!(line["fields"], serde_json::json!({ "retry_count": 2 }));
        assert!(OffsetDateTime::parse(line["timestamp"].as_str().unwrap(), &Rfc3339).is_ok());
    }

    #[test]
    fn a_filter_is_looked_at_before_it_is_used() {
        assert!(filter("info,worker=debug").is_ok());
        assert!(filter("worker=loud").unwrap_err().contains("a filter is a level"));
        assert!(filter("").is_ok());
    }
}
