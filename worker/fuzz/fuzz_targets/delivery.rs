//! Any properties and any body, from any work queue, through any exchange: how the engine reads them before a step gets
//! them. What only workers or the broker can know is trusted from nobody else.

#![no_main]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a finding ends with a panic"
)]

use lapin::{message::Delivery as Received, protocol::basic::parse_properties, types::ShortString};
use libfuzzer_sys::fuzz_target;
use worker::{
    broker::{Delivery, Topology},
    message::{Subject, Task, TaskKind},
};

fuzz_target!(|input: (u8, u8, bool, &[u8], &[u8])| {
    let (queue, exchange, redelivered, properties, body) = input;
    let Ok((_, properties)) = parse_properties(properties) else {
        return;
    };
    let topology = Topology::new("t.".to_owned(), 2);
    let queues: Vec<ShortString> = topology.work_queues().chain([topology.quarantine()]).collect();
    let exchanges = [
        topology.jobs_exchange(),
        topology.work_exchange(),
        topology.quarantine(),
    ];
    let queue = &queues[usize::from(queue) % queues.len()];
    let exchange = &exchanges[usize::from(exchange) % exchanges.len()];

    let mut received = Received::mock(1, exchange.clone(), "reports".into(), redelivered, body.to_vec());
    received.properties = properties;
    let delivery = Delivery::of(received, queue.as_str(), &topology);
    if *exchange != topology.work_exchange() {
        assert_eq!(delivery.retry_count, 0);
    }
    if !redelivered {
        assert_eq!(delivery.delivery_count, 0);
    }
    if *queue != topology.quarantine() {
        assert_eq!(format!("t.imports.{}", delivery.key()), queue.as_str());
    }
    if *queue == topology.requested_queue() {
        assert!(matches!(delivery.kind, TaskKind::Receive | TaskKind::Marker));
    }
    let _ = Subject::of(&delivery.body);
    let task = Task::parse(delivery.kind, &delivery.body).and_then(|task| task.from_queue(delivery.key()));
    if let Ok(Task::Marker(marker)) = task {
        assert_eq!(marker.queue, delivery.key());
    }
});
