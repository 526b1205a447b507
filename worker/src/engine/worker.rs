//! The worker's loop: connects, and reconnects when the link breaks; takes deliveries as long as there is room for
//! them, and gives back at the end what it has not begun. For the life of a delivery, see [`execute`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    execute::execute,
    heartbeat::beat_during,
    outage::{pause, wait_for_database},
    rescue::{RescueOptions, rescue},
};
use crate::{
    broker::{self, Deliveries, Link, SilentQueues},
    policy::{GOOD_CONNECTION, reconnect_delays},
    steps::Context,
    telemetry::{
        health::{Health, Stage},
        metrics::Server,
    },
};

/// Jobs at one time. They cost next to nothing and wait for disks.
const JOBS_AT_A_TIME: u16 = 4;

/// Plans per shard that the broker hands out before the first is acknowledged.
const PLANS_PREFETCH: u16 = 1;

/// Plans at one time. They hold a file in memory, and mostly wait for storage.
const PLANS_AT_A_TIME: u16 = 2;

/// Reports at one time. All tenants share their queue, so they must be done at least as fast as anything asks for them:
/// a plan that leaves no row to a batch makes one request to the store, and a report three.
const REPORTS_AT_A_TIME: u16 = 4 * PLANS_AT_A_TIME;

/// With this many threads, a batch is hashed in the time that its commit and the confirms of its messages take.
const THREADS_PER_COMMIT: usize = 8;

/// Batches at one time: one that is hashed on all cores, one to follow it at once, and those that commit in the meantime.
/// The more there are, the longer a batch that comes after them waits.
fn batches_at_a_time(threads: usize) -> u16 {
    u16::try_from(2 + threads.div_ceil(THREADS_PER_COMMIT)).unwrap_or(u16::MAX)
}

/// How often to check whether the broker accepts messages. It costs nothing.
const FLOW_CONTROL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How a worker is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The worker's name, as in its log and metrics.
    pub name: String,
    /// The broker.
    pub broker: broker::Options,
    /// How long it finishes what it holds after it was told to stop.
    pub grace: Duration,
    /// Where the loop reports its health.
    pub health: Health,
    /// How long the rescue waits before it acts.
    pub rescue: RescueOptions,
}

/// Works until told to stop.
pub async fn work(context: Arc<Context>, options: &Options, stop: &CancellationToken) {
    let working = options.health.watch(run(Arc::clone(&context), options, stop));
    beat_during(working, &context, &options.health, &options.name).await;
}

async fn run(context: Arc<Context>, options: &Options, stop: &CancellationToken) {
    let tasks = TaskTracker::new();
    let mut delays = reconnect_delays();
    let silent = Arc::new(SilentQueues::default());
    // Each time: with a connection to the broker and no database, messages would be taken and given back until they look as
    // if they killed their workers.
    while wait_for_database(&context.db, stop).await {
        context.metrics.connected(Server::Database, true);
        options.health.enter(Stage::ConnectingToBroker);
        let connected = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            connected = Link::connect_except(&options.broker, Arc::clone(&silent)) => connected,
        };
        match connected {
            Ok(link) => {
                let connected = Instant::now();
                context.metrics.connected(Server::Broker, true);
                let served = serve(&context, Arc::new(link), &silent, options, stop, &tasks).await;
                options.health.enter(Stage::WaitingForDatabase);
                context.metrics.connected(Server::Broker, false);
                context.metrics.broker_blocked(false);
                if connected.elapsed() >= GOOD_CONNECTION {
                    delays = reconnect_delays();
                }
                if let Err(error) = served {
                    if let broker::Error::Silent { .. } = error {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            () = silent.ask_others(&options.broker) => {}
                        }
                    }
                    pause("broker", &error, &mut delays, stop).await;
                }
            }
            Err(error) => pause("broker", &error, &mut delays, stop).await,
        }
    }
    options.health.enter(Stage::Stopping);
    tasks.close();
    if tokio::time::timeout(options.grace, tasks.wait()).await.is_err() {
        tracing::warn!(
            unfinished = tasks.len(),
            "grace period is over, unfinished messages will be delivered again"
        );
    }
    tracing::info!("worker stopped");
}

/// Handles deliveries of one link until it breaks, which is an error, or the worker is told to stop.
async fn serve(
    context: &Arc<Context>,
    link: Arc<Link>,
    silent: &Arc<SilentQueues>,
    options: &Options,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), broker::Error> {
    // Cancelled together with `stop`, or alone when the link is of no more use.
    let closing = stop.child_token();
    // One for each lane: a lane takes its permit before it waits, so an idle lane would keep a shared one from the
    // others.
    let permits = |count: usize| Arc::new(Semaphore::new(count));
    let (receiving, planning, reporting) = (
        permits(usize::from(JOBS_AT_A_TIME)),
        permits(usize::from(PLANS_AT_A_TIME)),
        permits(usize::from(REPORTS_AT_A_TIME)),
    );
    let batches_at_a_time = batches_at_a_time(context.hasher.threads());
    let (batches, alone, keeping) = (permits(usize::from(batches_at_a_time)), permits(1), permits(1));
    let (jobs, plans) = (
        link.jobs(JOBS_AT_A_TIME).await?,
        link.plans(PLANS_PREFETCH).await?,
    );
    // From each shard one less: enough for a tenant who is alone to keep all cores busy, and no more kept from other workers
    // than that.
    let rows = link.batches(batches_at_a_time - 1).await?;
    let (reports, dead_letters) = (link.reports(REPORTS_AT_A_TIME).await?, link.dead_letters().await?);
    // The last, because deliveries from there count, even if another queue then does not answer.
    let quarantine = link.quarantine().await?;
    options.health.enter(Stage::Consuming);
    // The quarantine and the dead letters are not among the work queues.
    let queues = link.topology().work_queues().count() + 2;
    tracing::info!("connected, consuming {queues} queues");
    let lane = |deliveries, permits| {
        Lane {
            context,
            link: &link,
            stop,
            closing: &closing,
            tasks,
        }
        .run(deliveries, permits)
    };
    tokio::join!(
        lane(jobs, &receiving),
        lane(plans, &planning),
        lane(rows, &batches),
        lane(reports, &reporting),
        lane(quarantine, &alone),
        lane(dead_letters, &keeping),
        rescue(context, &link, options.rescue, &closing, tasks),
        watch_flow_control(context, &link, &closing),
        ask_again(silent, &options.broker, &closing),
    );
    if stop.is_cancelled() {
        Ok(())
    } else {
        Err(broker::Error::Gone)
    }
}

/// Ends the link when a queue that did not answer answers again: only a new link subscribes to it.
async fn ask_again(silent: &Arc<SilentQueues>, broker: &broker::Options, closing: &CancellationToken) {
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = silent.due() => {}
        }
        // A task of its own, so that no connection is dropped in the middle.
        let (silent, broker) = (Arc::clone(silent), broker.clone());
        let mut asking = tokio::spawn(async move { silent.ask_again(&broker).await });
        tokio::select! {
            () = closing.cancelled() => return,
            answered = &mut asking => if matches!(answered, Ok(true)) {
                tracing::info!("a queue answers again, reconnecting");
                return closing.cancel();
            }
        }
    }
}

/// Reports whether the broker accepts messages, until told to stop.
async fn watch_flow_control(context: &Context, link: &Link, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        context.metrics.broker_blocked(link.publisher().is_blocked());
        let _ = tokio::time::timeout(FLOW_CONTROL_CHECK_INTERVAL, stop.cancelled()).await;
    }
}

/// What the lanes of one link share.
struct Lane<'a> {
    context: &'a Arc<Context>,
    link: &'a Arc<Link>,
    stop: &'a CancellationToken,
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
                biased;
                () = self.closing.cancelled() => break,
                next = next => next,
            };
            match delivery {
                Some(Ok(delivery)) => {
                    let (context, link, closing) = (
                        Arc::clone(self.context),
                        Arc::clone(self.link),
                        self.closing.clone(),
                    );
                    self.tasks.spawn(async move {
                        // If this task panicked outside its step, its delivery would stay unacknowledged for as long as
                        // the link lasts: so the link goes too.
                        let unless_handled = closing.clone().drop_guard();
                        match execute(&context, &link, &delivery, &closing).await {
                            Ok(()) => drop(unless_handled.disarm()),
                            // Not acknowledged, so the broker delivers it again, to us or to another worker.
                            Err(error) => tracing::warn!(%error, "could not finish a message, reconnecting"),
                        }
                        drop(permit);
                    });
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "consuming failed, reconnecting");
                    self.closing.cancel();
                }
                None => self.closing.cancel(),
            }
        }
        if self.stop.is_cancelled() {
            deliveries.hand_back().await;
        }
    }
}
