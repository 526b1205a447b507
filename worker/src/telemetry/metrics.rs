//! What the worker counts and measures, in Prometheus's conventions: seconds, `_total` for counters, and labels with a
//! handful of values each. Nothing is broken down by tenant: there are ten thousand of them.
//!
//! Counters are those of one process and begin at 0 with it. What the database knows for all workers together is in
//! [`Backlog`] and is the same whichever worker reports it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::{
    Encoder, Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result, TextEncoder,
};
use shared::contract::event::Summary;
use strum::VariantArray;

use super::{
    backlog,
    identity::VERSION,
    registration::{counters, gauge, gauges, histogram, opts, registered},
};
use crate::{
    db::{Backlog, State},
    message::{DeadReason, TaskKind},
};

/// From what a small plan takes to the time-out of a step, in seconds.
const STEP_BUCKETS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// From an idle queue to a backlog of hours, in seconds.
const QUEUE_BUCKETS: [f64; 12] = [
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0,
];

/// A server whose connection is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Database,
    /// RabbitMQ.
    Broker,
}

impl Server {
    /// The name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Broker => "broker",
        }
    }
}

/// All metrics of the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    connected: IntGaugeVec,
    broker_blocked: IntGauge,
    hash_threads: IntGauge,
    hash_threads_busy: IntGauge,
    deliveries: IntGaugeVec,
    step_duration: HistogramVec,
    queue_time: HistogramVec,
    rows: IntCounterVec,
    finished: IntCounterVec,
    retries: IntCounterVec,
    postponed: IntCounter,
    dead_letters: IntCounterVec,
    rescues: IntCounter,
}

impl Metrics {
    /// All metrics, at zero. Fails only if one of the names is invalid.
    pub fn new(worker: &str) -> Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            connected: gauges(
                &registry,
                "connected",
                "Whether the server is connected (1) or away (0).",
                "server",
            )?,
            broker_blocked: gauge(
                &registry,
                "broker_blocked",
                "Whether the broker accepts no messages (1), because it is short of memory or disk.",
            )?,
            hash_threads: gauge(&registry, "hash_threads", "Argon2id threads.")?,
            hash_threads_busy: gauge(
                &registry,
                "hash_threads_busy",
                "Argon2id threads that hash a password now.",
            )?,
            deliveries: gauges(
                &registry,
                "deliveries_in_hand",
                "Messages that the worker holds unacknowledged and works on.",
                "step",
            )?,
            step_duration: histogram(
                &registry,
                "step_duration_seconds",
                "Time from taking a message to acknowledging it.",
                &STEP_BUCKETS,
            )?,
            queue_time: histogram(
                &registry,
                "queue_time_seconds",
                "Time that a message waited from its publication until a worker took it; repeated messages are not counted.",
                &QUEUE_BUCKETS,
            )?,
            rows: counters(
                &registry,
                "rows_total",
                "Rows that got their outcome from this worker.",
                &["outcome"],
            )?,
            finished: counters(
                &registry,
                "imports_finished_total",
                "Imports that this worker brought to their final state.",
                &["state"],
            )?,
            retries: counters(
                &registry,
                "retries_total",
                "Messages that failed and are tried again after a delay, by step and by what failed.",
                &["step", "cause"],
            )?,
            postponed: registered(
                &registry,
                IntCounter::with_opts(opts(
                    "postponed_total",
                    "Messages that are tried again after a delay, because a queue refuses what follows from them.",
                ))?,
            )?,
            dead_letters: counters(
                &registry,
                "dead_letters_total",
                "Messages that this worker set aside for an operator.",
                &["reason"],
            )?,
            rescues: registered(
                &registry,
                IntCounter::with_opts(opts(
                    "rescues_total",
                    "Imports whose messages were lost and whose job this worker published again.",
                ))?,
            )?,
            registry,
        };
        metrics.begin_at_zero();
        metrics.tell_the_build(worker)?;
        Ok(metrics)
    }

    /// Series that do not exist cannot be alerted on.
    fn begin_at_zero(&self) {
        for server in [Server::Database, Server::Broker] {
            self.connected.with_label_values(&[server.as_str()]);
        }
        for &kind in TaskKind::VARIANTS {
            self.deliveries.with_label_values(&[step(kind)]);
            self.step_duration.with_label_values(&[step(kind)]);
            self.queue_time.with_label_values(&[step(kind)]);
            for cause in Cause::VARIANTS {
                self.retries.with_label_values(&[step(kind), cause.as_str()]);
            }
        }
        for outcome in ["created", "duplicate", "error"] {
            self.rows.with_label_values(&[outcome]);
        }
        for state in [State::Completed, State::Rejected, State::Failed, State::Cancelled] {
            self.finished.with_label_values(&[state.as_str()]);
        }
        for reason in DeadReason::VARIANTS {
            self.dead_letters.with_label_values(&[reason.as_str()]);
        }
    }

    fn tell_the_build(&self, worker: &str) -> Result<()> {
        let build = Opts::new(
            "user_import_build_info",
            "Version of the program and name of the worker; always 1.",
        )
        .const_label("version", VERSION)
        .const_label("worker", worker);
        registered(&self.registry, IntGauge::with_opts(build)?)?.set(1);
        let started = Opts::new(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970.",
        );
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        registered(&self.registry, Gauge::with_opts(started)?)?.set(since_1970.as_secs_f64());
        Ok(())
    }

    /// The server is connected, or away.
    pub fn connected(&self, server: Server, connected: bool) {
        self.connected
            .with_label_values(&[server.as_str()])
            .set(connected.into());
    }

    /// The broker takes no messages, or takes them again.
    pub fn broker_blocked(&self, blocked: bool) {
        self.broker_blocked.set(blocked.into());
    }

    /// How many hashing threads there are, and how many of them hash.
    pub fn hash_threads(&self, threads: usize, busy: usize) {
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.hash_threads.set(count(threads));
        self.hash_threads_busy.set(count(busy));
    }

    /// A message was taken, which had waited this long, if that is known. It is in hand until the result is dropped.
    pub fn taken(&self, kind: TaskKind, waited: Option<Duration>) -> InHand {
        let step = step(kind);
        if let Some(waited) = waited {
            self.queue_time
                .with_label_values(&[step])
                .observe(waited.as_secs_f64());
        }
        let deliveries = self.deliveries.with_label_values(&[step]);
        deliveries.inc();
        InHand {
            deliveries,
            duration: self.step_duration.with_label_values(&[step]),
            since: std::time::Instant::now(),
        }
    }

    /// Messages in hand, of all steps.
    pub fn in_hand(&self) -> i32 {
        let kinds = TaskKind::VARIANTS.iter();
        let deliveries = kinds.map(|&kind| self.deliveries.with_label_values(&[step(kind)]).get());
        i32::try_from(deliveries.sum::<i64>()).unwrap_or(i32::MAX)
    }

    /// Rows got their outcomes.
    pub fn rows(&self, outcomes: &Summary) {
        let Summary {
            created,
            duplicates,
            errors,
            ..
        } = *outcomes;
        for (outcome, rows) in [("created", created), ("duplicate", duplicates), ("error", errors)] {
            self.rows.with_label_values(&[outcome]).inc_by(rows.into());
        }
    }

    /// An import has reached this final state.
    pub fn ended(&self, state: State) {
        self.finished.with_label_values(&[state.as_str()]).inc();
    }

    /// A message is tried again later.
    pub fn retried(&self, kind: TaskKind, cause: Cause) {
        self.retries
            .with_label_values(&[step(kind), cause.as_str()])
            .inc();
    }

    /// A message is tried again later, because a queue refuses what follows from it.
    pub fn postponed(&self) {
        self.postponed.inc();
    }

    /// A message was set aside.
    pub fn dead_letter(&self, reason: DeadReason) {
        self.dead_letters.with_label_values(&[reason.as_str()]).inc();
    }

    /// The jobs of so many imports were published again, because their messages were lost.
    pub fn rescued(&self, imports: usize) {
        self.rescues.inc_by(u64::try_from(imports).unwrap_or(u64::MAX));
    }

    /// Everything in Prometheus's text format; without the backlog, if the database did not provide it.
    pub fn text(&self, backlog: Option<&Backlog>) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let encoder = TextEncoder::new();
        encoder.encode(&self.registry.gather(), &mut text)?;
        if let Some(backlog) = backlog {
            encoder.encode(&backlog::registry(backlog)?.gather(), &mut text)?;
        }
        Ok(text)
    }
}

/// A message in hand; dropped when it is acknowledged or given up.
#[derive(Debug)]
#[must_use]
pub struct InHand {
    deliveries: IntGauge,
    duration: Histogram,
    since: std::time::Instant,
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.deliveries.dec();
        self.duration.observe(self.since.elapsed().as_secs_f64());
    }
}

/// What failed, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum Cause {
    /// PostgreSQL.
    Database,
    /// Object storage.
    Storage,
    /// A seal key that this worker does not have.
    Seal,
    /// A panic, a step that never ends, or any other unexpected error.
    Internal,
}

impl Cause {
    /// The name in metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Storage => "storage",
            Self::Seal => "seal",
            Self::Internal => "internal",
        }
    }

    /// What it means for an import, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Database => {
                "The database cannot do what the import needs at the moment. The import is retried automatically."
            }
            Self::Storage => {
                "Object storage cannot be used at the moment. The import is retried automatically."
            }
            Self::Seal => {
                "A key that the import needs is missing. The import is retried automatically, perhaps by another worker."
            }
            Self::Internal => "The worker met an unexpected error. The import is retried automatically.",
        }
    }
}

/// The step's name in labels and spans.
pub(super) const fn step(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Receive => "receive",
        TaskKind::Cancel => "cancel",
        TaskKind::Plan => "plan",
        TaskKind::Batch => "batch",
        TaskKind::Report => "report",
        TaskKind::Marker => "marker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_in_hand_until_it_is_dropped_and_then_has_a_duration() {
        let metrics = Metrics::new("w1").unwrap();
        let text = || String::from_utf8(metrics.text(None).unwrap()).unwrap();
        let in_hand = metrics.taken(TaskKind::Plan, Some(Duration::from_millis(20)));
        assert!(text().contains("user_import_deliveries_in_hand{step=\"plan\"} 1\n"));
        assert_eq!(metrics.in_hand(), 1);
        assert!(text().contains("user_import_queue_time_seconds_count{step=\"plan\"} 1\n"));
        drop(in_hand);
        assert!(text().contains("user_import_deliveries_in_hand{step=\"plan\"} 0\n"));
        assert_eq!(metrics.in_hand(), 0);
        assert!(text().contains("user_import_step_duration_seconds_count{step=\"plan\"} 1\n"));
    }

    #[test]
    fn without_a_database_the_backlog_is_left_out_and_not_zero() {
        let metrics = Metrics::new("w1").unwrap();
        let text = |backlog| String::from_utf8(metrics.text(backlog).unwrap()).unwrap();
        assert!(!text(None).contains("user_import_pending_rows"));
        let backlog = Backlog {
            pending_rows: 7,
            ..Backlog::default()
        };
        assert!(text(Some(&backlog)).contains("user_import_pending_rows 7\n"));
    }
}
