//! A collector of traces: takes spans by OTLP over HTTP, as OpenTelemetry's own does, and keeps them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::header::CONTENT_TYPE, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::status::StatusCode,
};
use prost::Message;
use tokio::net::TcpListener;

/// A running collector; ends with the test.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Spans,
}

type Spans = Arc<Mutex<Vec<Span>>>;

/// A span as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its trace, in hexadecimal digits.
    pub trace_id: String,
    /// Its ID.
    pub span_id: String,
    /// The span that it is below; empty if it is the first of its trace.
    pub parent_id: String,
    /// Its name.
    pub name: String,
    /// Whether it records a failure.
    pub failed: bool,
    /// Its attributes, including those of its process.
    pub attributes: BTreeMap<String, String>,
}

impl Collector {
    /// Listens on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Spans::default();
        let app = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&spans));
        tokio::spawn(async move { axum::serve(listener, app).await.expect("the collector serves") });
        Self { endpoint, spans }
    }

    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("the spans").clone()
    }
}

async fn receive(
    State(spans): State<Spans>,
    body: Bytes,
) -> ([(axum::http::HeaderName, &'static str); 1], Vec<u8>) {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP as protobuf");
    let mut spans = spans.lock().expect("the spans");
    for of_process in request.resource_spans {
        let process = of_process
            .resource
            .map(|resource| resource.attributes)
            .unwrap_or_default();
        for span in of_process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                trace_id: hex(&span.trace_id),
                span_id: hex(&span.span_id),
                parent_id: hex(&span.parent_span_id),
                name: span.name,
                failed: span
                    .status
                    .is_some_and(|status| status.code == StatusCode::Error as i32),
                attributes: process
                    .iter()
                    .cloned()
                    .chain(span.attributes)
                    .map(attribute)
                    .collect(),
            });
        }
    }
    // An empty answer is an empty ExportTraceServiceResponse: all spans were taken.
    ([(CONTENT_TYPE, "application/x-protobuf")], Vec::new())
}

fn attribute(attribute: KeyValue) -> (String, String) {
    let value = match attribute.value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    (attribute.key, value)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
