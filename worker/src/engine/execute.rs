//! The life of one delivery: open the import, run the step, publish what follows, acknowledge.
//!
//! A step makes its effect durable before it returns; its messages are stored and routed by the broker before the
//! acknowledgement. A crash in between makes the broker deliver the message again, and every step may run twice. So nothing
//! is lost, and no outbox is needed: the unacknowledged message is the outbox.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    dispose::{count_anew, dispose, postpone, wait_for_resume},
    keep::keep,
    outage::through_outages,
    panics,
    publish::publish,
    rescue::note_marker,
};
use crate::{
    broker::{self, Delivery, Link},
    message::{Message, Subject, Task, TaskKind},
    policy::{MAX_DELIVERIES_ALONE, STEP_TIMEOUT},
    steps::{
        Context, Error, Opened,
        batch::batch,
        cancel::{asked_before, cancel},
        open,
        plan::plan,
        receive::receive,
        report::report,
    },
    telemetry::traces,
};

/// Keeps a delivery until all that it causes is durable.
///
/// Returns without an acknowledgement if told to stop while the database or every delay queue refuses it: the message
/// is then delivered again.
pub(super) async fn execute(
    context: &Context,
    link: &Link,
    delivery: &Delivery,
    stop: &CancellationToken,
) -> Result<(), broker::Error> {
    if let Some(found) = &delivery.set_aside {
        return keep(context, link, delivery, found, stop).await;
    }
    if delivery.counts_from_elsewhere() {
        if count_anew(link, delivery, stop).await? {
            delivery.acknowledge().await;
        }
        return Ok(());
    }
    let kind = delivery.kind.as_str();
    let subject = Subject::of(&delivery.body);
    let import_id = subject.map(|subject| tracing::field::display(subject.import_id));
    let tenant_id = subject.map(|subject| subject.tenant_id.get());
    let span = tracing::info_span!("task", task = kind, import_id, tenant_id);
    let queue = link.topology().work_queue(delivery.key());
    let trace = traces::process(
        delivery.kind,
        &queue,
        &delivery.trace,
        subject,
        delivery.body.len(),
    );
    // Until the acknowledgement.
    let _in_hand = context.metrics.taken(delivery.kind, delivery.waited);
    let executing = async {
        let published = match through_outages(&context.db, stop, || attempt(context, delivery)).await {
            Some(Ok(messages)) => publish(context, link, &messages).await,
            Some(Err(Error::Paused)) => {
                if !wait_for_resume(context, link, delivery, subject, stop).await? {
                    return Ok(());
                }
                Ok(())
            }
            Some(Err(error)) => match dispose(context, link, delivery, subject, &error, stop).await {
                Ok(false) => return Ok(()),
                disposed => disposed.map(drop),
            },
            None => {
                // No worker died of it.
                if delivery.quarantined && count_anew(link, delivery, stop).await? {
                    delivery.acknowledge().await;
                }
                return Ok(());
            }
        };
        match published {
            Err(refused) if refused.is_of_one_queue() => {
                if !postpone(context, link, delivery, subject, refused, stop).await? {
                    return Ok(());
                }
            }
            published => published?,
        }
        crash_point!(&format!("{kind}-published"));
        delivery.acknowledge().await;
        crash_point!(&format!("{kind}-acknowledged"));
        Ok(())
    };
    traces::within(trace, executing.instrument(span)).await
}

/// Runs the delivery's task, for as long as a step may take, and catches a panic.
async fn attempt(context: &Context, delivery: &Delivery) -> Result<Vec<Message>, Error> {
    // A marker does nothing that could kill a worker: it is delivered again only because connections were lost.
    let may_kill = delivery.kind != TaskKind::Marker || !delivery.is_workers;
    if may_kill && delivery.quarantined && delivery.delivery_count >= MAX_DELIVERIES_ALONE {
        return Err(Error::KillsWorkers {
            deliveries: delivery.delivery_count,
        });
    }
    let task = async {
        crash_point!(&format!(
            "begun-{}",
            Subject::of(&delivery.body).map_or(uuid::Uuid::nil(), |subject| subject.import_id)
        ));
        let task = Task::parse(delivery.kind, &delivery.body)?.from_queue(delivery.key())?;
        match task {
            // It may come from somebody who wants jobs to be taken for lost, and proves nothing. Workers of releases
            // without an exchange of work send such markers too, so it does not become a dead letter.
            Task::Marker(_) if !delivery.is_workers => Ok(Vec::new()),
            // One that was retried may have ended its import all the same: the answer that says so is lost if the link
            // breaks.
            task => run(context, task, delivery.redelivered || delivery.retry_count > 0).await,
        }
    };
    // The context holds no state that a panic could leave half changed.
    match tokio::time::timeout(STEP_TIMEOUT, AssertUnwindSafe(task).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Error::Panicked(panics::place())),
        Err(_) => Err(Error::Stalled {
            seconds: STEP_TIMEOUT.as_secs(),
        }),
    }
}

/// Opens the import of a task and hands it to its step; returns what is to be published.
///
/// While an import is paused, no file is read for it and no user created; its report is written, if all else is done.
pub async fn run(context: &Context, task: Task, came_before: bool) -> Result<Vec<Message>, Error> {
    match task {
        Task::Receive(job) => {
            let messages = Box::pin(receive(context, &job)).await?;
            let cancelled = Box::pin(asked_before(context, job.import_id)).await?;
            Ok(cancelled.unwrap_or(messages))
        }
        Task::Cancel(asked) => Box::pin(cancel(context, &asked)).await,
        Task::Plan(import) => match open(context, import).await? {
            Opened::Running(import) if import.is_paused => Err(Error::Paused),
            Opened::Running(import) => Box::pin(plan(context, *import)).await,
            Opened::Over(event) => Ok(event),
        },
        Task::Batch(import, rows) => match open(context, import).await? {
            Opened::Running(import) if import.is_paused => Err(Error::Paused),
            Opened::Running(import) => Box::pin(batch(context, *import, rows)).await,
            // An import that ended early may have many batches left, and its event need not be published with each of
            // them. But a message that was delivered before may be the one that ended it.
            Opened::Over(event) => Ok(if came_before { event } else { Vec::new() }),
        },
        Task::Report(import) => match open(context, import).await? {
            Opened::Running(import) => Box::pin(report(context, *import)).await,
            Opened::Over(event) => Ok(event),
        },
        Task::Marker(marker) => note_marker(context, &marker).await,
    }
}
