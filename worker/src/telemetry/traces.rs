//! Traces by OpenTelemetry: one from the Dialer's job through plan, batches and reports to the event.
//!
//! They are sent by OTLP to `OTEL_EXPORTER_OTLP_ENDPOINT`. If nothing is configured, no span is made, and what a
//! message carries of its publisher's trace is passed on unchanged. Names and attributes are those of OpenTelemetry's
//! conventions for messaging.

use std::{env, time::Duration};

use async_trait::async_trait;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry::{
    Context, KeyValue, global,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{FutureExt, SpanBuilder, SpanKind, Status, TraceContextExt},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response, hyper::HyperClient};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tokio::runtime::Handle;

use super::{identity::VERSION, metrics::Cause};
use crate::message::{Subject, TaskKind, Trace};

/// Time limit of one request to the collector. Source: OpenTelemetry, OTLP exporter configuration, its default.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a worker that stops waits for its last spans to be sent.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// Where spans are sent, unless `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` overrides it for traces.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The name of the program in traces, unless `OTEL_SERVICE_NAME` overrides it.
const SERVICE_NAME: &str = "user-import";

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A protocol that this program does not speak.
    #[error(
        "{variable} is {value:?}, but traces are sent as http/protobuf only: point {ENDPOINT} at the collector's HTTP port, usually 4318"
    )]
    Protocol {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// A variable of OpenTelemetry is invalid.
    #[error("the variables OTEL_EXPORTER_OTLP_… cannot be used: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// The system's certificate authorities cannot be read.
    #[error("the certificate authorities of the system cannot be read: {0}")]
    Authorities(#[from] std::io::Error),
}

/// Sends spans until it is finished.
#[derive(Debug)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts sending spans, if the environment says where to.
    pub fn start(worker: &str) -> Result<Self, Error> {
        if !is_configured() {
            return Ok(Self(None));
        }
        for variable in [
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
        ] {
            if let Some(value) = set(variable)
                && value != "http/protobuf"
            {
                return Err(Error::Protocol { variable, value });
            }
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(OnRuntime::new()?)
            .build()?;
        let mut resource = Resource::builder()
            .with_attribute(KeyValue::new("service.version", VERSION))
            .with_attribute(KeyValue::new("service.instance.id", worker.to_owned()));
        if set("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE_NAME);
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        global::set_tracer_provider(provider.clone());
        Ok(Self(Some(provider)))
    }

    /// Sends what is left.
    pub async fn finish(self) {
        if let Some(provider) = self.0 {
            // It waits for a thread of its own, which in turn needs this runtime.
            let finished =
                tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FINISH_TIMEOUT));
            if let Ok(Err(error)) = finished.await {
                tracing::warn!(%error, "could not send the last spans");
            }
        }
    }
}

fn is_configured() -> bool {
    let is_disabled = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
    !is_disabled && (set(ENDPOINT).is_some() || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_some())
}

/// An empty variable counts as not set. Source: OpenTelemetry, environment variable specification.
fn set(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// The SDK sends from a thread of its own, which has no runtime.
#[derive(Debug)]
struct OnRuntime {
    client: std::sync::Arc<HyperClient<HttpsConnector<HttpConnector>>>,
    runtime: Handle,
}

impl OnRuntime {
    fn new() -> Result<Self, std::io::Error> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            client: HyperClient::new(connector, EXPORT_TIMEOUT, None).into(),
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime
            .spawn(async move { client.send_bytes(request).await })
            .await?
    }
}

/// The span of processing a message, in the trace that the message belongs to. Markers have none: they are not part of
/// an import.
pub fn process(
    kind: TaskKind,
    queue: &str,
    trace: &Trace,
    subject: Option<Subject>,
    body_bytes: usize,
) -> Context {
    let (name, template) = match kind {
        TaskKind::Receive => ("process imports.requested", "imports.requested"),
        TaskKind::Cancel => ("process imports.cancel", "imports.cancel"),
        TaskKind::Plan => ("process imports.plans", "imports.plans.{shard}"),
        TaskKind::Batch => ("process imports.rows", "imports.rows.{shard}"),
        TaskKind::Report => ("process imports.reports", "imports.reports"),
        TaskKind::Marker => return Context::new(),
    };
    let mut attributes = messaging("process", "process", queue);
    attributes.push(KeyValue::new("messaging.destination.template", template));
    attributes.push(KeyValue::new("messaging.message.body.size", integer(body_bytes)));
    if let Some(subject) = subject {
        attributes.push(KeyValue::new(
            "user_import.import_id",
            subject.import_id.to_string(),
        ));
        attributes.push(KeyValue::new("user_import.tenant_id", subject.tenant_id.get()));
    }
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carried(trace));
    span(name, SpanKind::Consumer, attributes, &parent)
}

/// Runs whatever belongs to a span.
pub async fn within<F: Future>(span: Context, work: F) -> F::Output {
    work.with_context(span).await
}

/// Publishes messages to an exchange in a span of their own, below the current one. `publish` is given the trace for
/// their headers.
pub async fn send<T>(exchange: &str, messages: usize, publish: impl AsyncFnOnce(Trace) -> T) -> T {
    let mut attributes = messaging("send", "send", exchange);
    attributes.push(KeyValue::new("messaging.batch.message_count", integer(messages)));
    let sending = span(
        "send imports",
        SpanKind::Producer,
        attributes,
        &Context::current(),
    );
    let mut trace = Trace::default();
    TraceContextPropagator::new().inject_context(&sending, &mut Carrying(&mut trace));
    publish(trace).with_context(sending).await
}

/// Runs a part of a step in a span of its own.
pub async fn part<F: Future>(name: &'static str, part: F) -> F::Output {
    let span = span(name, SpanKind::Internal, Vec::new(), &Context::current());
    part.with_context(span).await
}

/// Marks the current span as failed.
pub fn failed(cause: Cause, error: &dyn std::error::Error) {
    Context::map_current(|context| {
        let span = context.span();
        span.set_attribute(KeyValue::new("error.type", cause.as_str()));
        span.set_status(Status::error(error.to_string()));
    });
}

/// The trace of what is running now.
pub(super) fn current_trace_id() -> Option<String> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| span.trace_id().to_string())
    })
}

fn span(name: &'static str, kind: SpanKind, attributes: Vec<KeyValue>, parent: &Context) -> Context {
    let tracer = global::tracer(SERVICE_NAME);
    let span = SpanBuilder::from_name(name)
        .with_kind(kind)
        .with_attributes(attributes)
        .start_with_context(&tracer, parent);
    parent.with_span(span)
}

/// Source: OpenTelemetry, semantic conventions for messaging spans, RabbitMQ.
fn messaging(operation: &'static str, operation_type: &'static str, destination: &str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "rabbitmq"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.operation.type", operation_type),
        KeyValue::new("messaging.destination.name", destination.to_owned()),
    ]
}

fn integer(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

struct Carried<'a>(&'a Trace);

impl Extractor for Carried<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            Trace::PARENT_HEADER => self.0.parent.as_deref(),
            Trace::STATE_HEADER => self.0.state.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![Trace::PARENT_HEADER, Trace::STATE_HEADER]
    }
}

struct Carrying<'a>(&'a mut Trace);

impl Injector for Carrying<'_> {
    fn set(&mut self, name: &str, value: String) {
        match name {
            Trace::PARENT_HEADER => self.0.parent = Some(value),
            Trace::STATE_HEADER => self.0.state = Some(value).filter(|state| !state.is_empty()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[tokio::test]
    async fn without_a_collector_the_publishers_trace_is_passed_on_as_it_came() {
        let trace = Trace {
            parent: Some(PARENT.to_owned()),
            state: Some("vendor=1".to_owned()),
        };
        let processing = process(TaskKind::Plan, "imports.plans.00", &trace, None, 10);
        let sent = within(processing, send("imports.work", 1, async |trace| trace)).await;
        assert_eq!(sent, trace);
    }

    #[tokio::test]
    async fn a_message_without_a_valid_trace_has_none() {
        for parent in [
            "",
            "00",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "é-a-b-c",
        ] {
            let trace = Trace {
                parent: Some(parent.to_owned()),
                state: None,
            };
            let processing = process(TaskKind::Plan, "imports.plans.00", &trace, None, 10);
            let sent = within(processing, send("imports.work", 1, async |trace| trace)).await;
            assert_eq!(sent, Trace::default(), "{parent:?}");
        }
    }
}
