//! One trace from the Dialer's job to its event, whatever is in the headers.

use std::collections::BTreeMap;

use kit::{Collector, Span, Tap, Worker, World, eventually, final_data, good_rows, in_world};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const DIALERS_SPAN: &str = "b7ad6b7169203331";

fn dialers_trace() -> String {
    format!("00-{TRACE}-{DIALERS_SPAN}-01")
}

async fn publish_with(world: &World, job: &Value, headers: &[(&str, AMQPValue)]) {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    world
        .publish_with("requested", job.to_string().as_bytes(), table)
        .await;
}

fn text(text: impl AsRef<[u8]>) -> AMQPValue {
    AMQPValue::LongString(text.as_ref().into())
}

/// The trace header of the final event.
async fn traceparent_of_event(tap: &Tap) -> Option<String> {
    let heard = eventually("the event", async || {
        tap.heard()
            .into_iter()
            .find(|heard| heard.routing_key == "import.completed")
    })
    .await;
    let headers = heard.properties.headers().clone().unwrap_or_default();
    let value = headers.inner().get("traceparent")?.as_long_string()?;
    Some(value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_dialers_job_to_its_event() {
    in_world(async |world| {
        let (tenant, collector) = (world.tenant().await, Collector::start().await);
        let tap = world.tap(&["imports.events"]).await;
        let worker = Worker::start(
            world,
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint()),
                ("WORKER_NAME", "worker-a"),
                ("BATCH_ROWS", "10"),
            ],
        );
        let job = world.upload(tenant, good_rows(20)).await;
        publish_with(
            world,
            &job,
            &[
                ("traceparent", text(dialers_trace())),
                ("tracestate", text("dialer=1")),
            ],
        )
        .await;
        final_data(&world.final_event(&job).await, "completed");
        let of_event = traceparent_of_event(&tap).await.unwrap();
        // Whoever stops sends what is left.
        assert!(worker.terminate().await.success());

        let spans = collector.spans();
        let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
        assert!(
            spans.iter().all(|span| span.trace_id == TRACE && !span.failed),
            "{spans:#?}"
        );
        let ways: Vec<String> = spans
            .iter()
            .map(|span| {
                let parent = by_id
                    .get(span.parent_id.as_str())
                    .map(|parent| parent.name.as_str());
                let parent = parent.or((span.parent_id == DIALERS_SPAN).then_some("the Dialer's"));
                format!("{} < {}", span.name, parent.unwrap_or("?"))
            })
            .collect();
        for (way, count) in [
            ("process imports.requested < the Dialer's", 1),
            ("send imports < process imports.requested", 1),
            ("process imports.plans < send imports", 1),
            ("send imports < process imports.plans", 1),
            ("process imports.rows < send imports", 2),
            ("hash passwords < process imports.rows", 2),
            ("commit batch < process imports.rows", 2),
            ("process imports.reports < send imports", 1),
            ("send imports < process imports.reports", 1),
        ] {
            assert_eq!(
                ways.iter().filter(|found| *found == way).count(),
                count,
                "{way}: {ways:#?}"
            );
        }
        let planning = spans
            .iter()
            .find(|span| span.name == "process imports.plans")
            .unwrap();
        let shard: i32 = world
            .value("SELECT shard::integer FROM imports.imports LIMIT 1")
            .await;
        let queue = format!("{}imports.plans.{shard:02}", world.prefix());
        for (name, value) in [
            ("service.name", "user-import"),
            ("service.version", "0.1.0"),
            ("service.instance.id", "worker-a"),
            ("messaging.system", "rabbitmq"),
            ("messaging.operation.type", "process"),
            ("messaging.destination.template", "imports.plans.{shard}"),
            ("messaging.destination.name", &queue),
            ("user_import.import_id", job["import_id"].as_str().unwrap()),
            ("user_import.tenant_id", &tenant.id.to_string()),
        ] {
            assert_eq!(
                planning.attributes.get(name).map(String::as_str),
                Some(value),
                "{name}"
            );
        }

        // The Dialer can continue the trace below the span that published its event.
        let parts: Vec<&str> = of_event.split('-').collect();
        assert_eq!(parts[1], TRACE);
        let sent = by_id[parts[2]];
        assert_eq!(by_id[sent.parent_id.as_str()].name, "process imports.reports");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_told_in_the_trace() {
    in_world(async |world| {
        let collector = Collector::start().await;
        let worker = Worker::start(world, &[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())]);
        let mut job = world.upload(world.tenant().await, good_rows(1)).await;
        job["mode"] = "no mode".into();
        publish_with(world, &job, &[("traceparent", text(dialers_trace()))]).await;
        final_data(&world.final_event(&job).await, "refused");
        assert!(worker.terminate().await.success());
        let spans = collector.spans();
        let failed: Vec<&str> = spans
            .iter()
            .filter(|span| span.failed)
            .map(|span| span.name.as_str())
            .collect();
        assert_eq!(failed, ["process imports.requested"], "{spans:#?}");
        let failed = spans.iter().find(|span| span.failed).unwrap();
        assert!(failed.attributes.contains_key("error.type"), "{failed:#?}");
        assert_eq!(spans[0].trace_id, TRACE);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_dialers_trace_is_passed_on_as_it_came() {
    in_world(async |world| {
        let tap = world.tap(&["imports.events"]).await;
        let _worker = Worker::start(world, &[]);
        let job = world.upload(world.tenant().await, good_rows(3)).await;
        publish_with(world, &job, &[("traceparent", text(dialers_trace()))]).await;
        final_data(&world.final_event(&job).await, "completed");
        assert_eq!(traceparent_of_event(&tap).await, Some(dialers_trace()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_no_trace_do_no_harm() {
    in_world(async |world| {
        let tap = world.tap(&["imports.events"]).await;
        let _worker = Worker::start(world, &[]);
        let hostile = [
            text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"),
            text("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            text([0xff, 0xfe, 0x00]),
            text("x".repeat(20_000)),
            AMQPValue::LongLongInt(-1),
            AMQPValue::FieldTable(FieldTable::default()),
        ];
        for (count, value) in (1..).zip(hostile) {
            let job = world.upload(world.tenant().await, good_rows(1)).await;
            let headers = [
                ("traceparent", value.clone()),
                ("tracestate", value.clone()),
                ("import-published-at", value.clone()),
            ];
            publish_with(world, &job, &headers).await;
            final_data(&world.final_event(&job).await, "completed");
            let heard = eventually("the events", async || {
                Some(tap.heard()).filter(|heard| heard.len() >= count)
            })
            .await;
            let headers = heard[count - 1].properties.headers().clone().unwrap_or_default();
            assert!(headers.inner().is_empty(), "{value:?}: {headers:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_nothing_up() {
    in_world(async |world| {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let worker = Worker::start(
            world,
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{nobody}"))],
        );
        let job = world.upload(world.tenant().await, good_rows(3)).await;
        world.publish(&job).await;
        final_data(&world.final_event(&job).await, "completed");
        assert!(worker.terminate().await.success());
    })
    .await;
}
