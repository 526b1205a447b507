//! The worker's loop: deliveries come in, steps are run, what follows is published, and only then is the delivery
//! acknowledged.
//!
//! This order is the whole of custody. A step makes its effect durable before it returns; its messages are confirmed and
//! routed before the acknowledgement; a crash in between makes the broker deliver again, and every step may run twice.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::{FutureExt, StreamExt};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    broker::{self, Deliveries, Delivery, Link, Outgoing, Step},
    failure::{About, give_up},
    plan::plan,
    report::report,
    rows::rows,
    step::{Error, Tools},
    verdict::{self, Verdict},
};

/// Batches per shard that the broker hands out before the first is acknowledged: one to work on, one to follow.
const ROWS_PREFETCH: u16 = 2;

/// Jobs and reports at one time. They hold a file in memory, and mostly wait for storage.
const FILES_AT_A_TIME: u16 = 2;

/// Batches at one time: while one commits, the next is hashed on all cores.
const BATCHES_AT_A_TIME: usize = 2;

/// How a worker is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The broker.
    pub broker: broker::Options,
    /// How long it finishes what it holds after it was told to stop.
    pub grace: Duration,
}

/// Works until told to stop.
pub async fn work(tools: Arc<Tools>, options: &Options, stop: &CancellationToken) {
    let tasks = TaskTracker::new();
    if wait_for_database(&tools, stop).await {
        let mut delays = backoff();
        while !stop.is_cancelled() {
            match Link::connect(&options.broker).await {
                Ok(link) => {
                    delays = backoff();
                    serve(&tools, Arc::new(link), stop, &tasks).await;
                }
                Err(error) => pause(&error, &mut delays, stop).await,
            }
        }
    }
    tasks.close();
    if tokio::time::timeout(options.grace, tasks.wait()).await.is_err() {
        tracing::warn!(
            unfinished = tasks.len(),
            "grace period is over; what is unfinished is delivered again"
        );
    }
    tracing::info!("stopped");
}

/// Waits until the database answers and has our schema; `false` if told to stop before.
async fn wait_for_database(tools: &Tools, stop: &CancellationToken) -> bool {
    let mut delays = backoff();
    while !stop.is_cancelled() {
        match tools.db.check().await {
            Ok(()) => return true,
            Err(error) => pause(&error, &mut delays, stop).await,
        }
    }
    false
}

/// Delays between connection attempts: doubling, with jitter so that workers do not come back all at once.
fn backoff() -> backon::ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(200))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times()
        .build()
}

async fn pause(
    error: &dyn std::error::Error,
    delays: &mut backon::ExponentialBackoff,
    stop: &CancellationToken,
) {
    let delay = delays.next().unwrap_or(Duration::from_secs(10));
    tracing::warn!(%error, delay_ms = delay.as_millis(), "waiting");
    let _ = tokio::time::timeout(delay, stop.cancelled()).await;
}

/// Handles deliveries of one link until it breaks or the worker is told to stop.
async fn serve(tools: &Arc<Tools>, link: Arc<Link>, stop: &CancellationToken, tasks: &TaskTracker) {
    // Cancelled together with `stop`, or alone when the link is of no use any more.
    let closing = stop.child_token();
    let files = Arc::new(Semaphore::new(usize::from(FILES_AT_A_TIME)));
    let batches = Arc::new(Semaphore::new(BATCHES_AT_A_TIME));
    let subscribed = async {
        Ok::<_, broker::Error>((
            link.jobs(FILES_AT_A_TIME).await?,
            link.rows(ROWS_PREFETCH).await?,
            link.reports(FILES_AT_A_TIME).await?,
        ))
    };
    let (jobs, rows, reports) = match subscribed.await {
        Ok(deliveries) => deliveries,
        Err(error) => {
            tracing::warn!(%error, "subscribing failed");
            return;
        }
    };
    tracing::info!("ready");
    let lane = |deliveries, permits| {
        Lane {
            tools,
            link: &link,
            closing: &closing,
            tasks,
        }
        .run(deliveries, permits)
    };
    tokio::join!(lane(jobs, &files), lane(rows, &batches), lane(reports, &files));
}

/// What the lanes of one link share.
struct Lane<'a> {
    tools: &'a Arc<Tools>,
    link: &'a Arc<Link>,
    closing: &'a CancellationToken,
    tasks: &'a TaskTracker,
}

impl Lane<'_> {
    /// Takes a delivery whenever there is a permit for it.
    async fn run(self, mut deliveries: Deliveries, permits: &Arc<Semaphore>) {
        loop {
            let next = async {
                let permit = Arc::clone(permits).acquire_owned().await;
                (permit, deliveries.next().await)
            };
            let (permit, delivery) = tokio::select! {
                () = self.closing.cancelled() => return,
                next = next => next,
            };
            match delivery {
                Some(Ok(delivery)) => {
                    let (tools, link, closing) = (
                        Arc::clone(self.tools),
                        Arc::clone(self.link),
                        self.closing.clone(),
                    );
                    self.tasks.spawn(async move {
                        if let Err(error) = handle(&tools, &link, &delivery).await {
                            // Not acknowledged, so the broker delivers it again, to us or to another worker.
                            tracing::warn!(%error, "publishing failed, connecting anew");
                            closing.cancel();
                        }
                        drop(permit);
                    });
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "consuming failed, connecting anew");
                    self.closing.cancel();
                }
                None => self.closing.cancel(),
            }
        }
    }
}

/// Runs the step of a delivery, publishes what follows, and acknowledges.
async fn handle(tools: &Tools, link: &Link, delivery: &Delivery) -> Result<(), broker::Error> {
    let about = About::of(&delivery.body);
    let import_id = about.map(|about| tracing::field::display(about.import_id));
    let span = tracing::info_span!("step", kind = delivery.step.as_str(), import_id);
    async {
        match run(tools, delivery).await {
            Ok(following) => link.publisher().publish(&following).await?,
            Err(error) => carry_out(tools, link, delivery, about, &error).await?,
        }
        delivery.acknowledge().await;
        Ok(())
    }
    .instrument(span)
    .await
}

async fn run(tools: &Tools, delivery: &Delivery) -> Result<Vec<Outgoing>, Error> {
    let step = async {
        match delivery.step {
            Step::Plan => plan(tools, &delivery.body).await,
            Step::Rows => rows(tools, &delivery.body).await,
            Step::Report => report(tools, &delivery.body).await,
        }
    };
    // The tools hold no state that a panic could leave half changed.
    AssertUnwindSafe(step)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no text");
            Err(Error::Panicked(text.to_owned()))
        })
}

/// Carries the verdict on an error out.
async fn carry_out(
    tools: &Tools,
    link: &Link,
    delivery: &Delivery,
    about: Option<About>,
    error: &Error,
) -> Result<(), broker::Error> {
    match verdict::on_error(error, delivery.tries) {
        Verdict::Retry { tries } => put_off(tools, link, delivery, about, error, tries).await,
        Verdict::DeadLetter(reason) => {
            let text = error.to_string();
            let event = match about {
                Some(about) => give_up(&tools.db, delivery, about, reason, &text).await,
                None => Ok(None),
            };
            match event {
                Ok(event) => {
                    tracing::error!(%error, reason = reason.as_str(), "set aside as a dead letter");
                    link.publisher()
                        .publish(&event.into_iter().map(Outgoing::event).collect::<Vec<_>>())
                        .await?;
                    link.publisher()
                        .dead_letter(delivery, reason, &text, about.map(|about| about.import_id))
                        .await
                }
                // The database is the truth: an import must not fail for the Dialer and go on there.
                Err(unreachable) => {
                    put_off(
                        tools,
                        link,
                        delivery,
                        about,
                        &Error::Database(unreachable),
                        delivery.tries + 1,
                    )
                    .await
                }
            }
        }
    }
}

/// Sends the message round by a delay queue.
async fn put_off(
    tools: &Tools,
    link: &Link,
    delivery: &Delivery,
    about: Option<About>,
    error: &Error,
    tries: u32,
) -> Result<(), broker::Error> {
    tracing::warn!(%error, tries, "trying again later");
    link.publisher().retry(delivery, tries).await?;
    if let Some(about) = about
        && let Err(error) = tools.db.note_retry(about.import_id, &error.to_string()).await
    {
        // Only operators' information is lost; most likely the database is what failed in the first place.
        tracing::debug!(%error, "the retry could not be noted");
    }
    Ok(())
}
