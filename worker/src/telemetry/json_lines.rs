//! The log as JSON: an event with the spans around it goes in, a line with fixed fields comes out.

use std::{fmt::Write as _, io::Write};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::text::printable_json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

use super::{identity, traces};

/// Writes each event as one JSON object, see [`Line`].
pub(super) struct JsonLines<W> {
    worker: String,
    writer: W,
}

impl<W> JsonLines<W> {
    pub(super) const fn new(worker: String, writer: W) -> Self {
        Self { worker, writer }
    }
}

/// One line. It has these fields and no others, so that stored logs have a schema that does not grow: what only some
/// events have is in `fields`. A field without a value is left out.
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
            // The program goes on without its log.
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
        // A value that cannot be formatted is left out.
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

    use tracing_subscriber::layer::SubscriberExt;

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
}
