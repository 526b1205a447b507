//! The names of all exchanges and queues, and what leads where.
//!
//! ```text
//! exchange imports (direct)         requested → imports.requested, cancel → imports.cancel; the only one that the Dialer
//!                                   may write to
//! exchange imports.work (direct)    requested → imports.requested   cancel → imports.cancel   plans.NN → imports.plans.NN
//!                                   rows.NN → imports.rows.NN       reports → imports.reports
//! exchange imports.events (topic)   import.#  → dialer.import-events
//! exchange imports.delay.<delay>    every key → imports.delay.<delay>, back to imports.work when the delay is over
//! exchange imports.suspects         every key → imports.suspects, from work queues whose delivery limit is reached
//! exchange imports.dead             every key → imports.dead
//! ```

use lapin::types::ShortString;

use crate::{message::MarkedQueue, policy};

/// Number of shards, unless configured. As long as there are more shards than tenants that import at the same time,
/// each tenant has one to itself, and taking them in turn is fair to everybody. But a worker holds two batches of each
/// shard, which other workers cannot take: so not too many.
pub const DEFAULT_SHARDS: u16 = 32;

/// The largest number of shards.
pub(super) const MAX_SHARDS: u16 = 100;

/// Routing key of jobs: the Dialer publishes with it.
pub const REQUESTED: &str = "requested";

/// Routing key of cancel messages. They have a queue of their own: waiting jobs do not hold them up, and workers of
/// releases that do not know them leave it alone.
pub const CANCEL: &str = "cancel";

/// Prefix of the routing keys of `PlanDue` messages; the shard follows.
pub(super) const PLANS: &str = "plans.";

/// Prefix of the routing keys of `RowsDue` messages; the shard follows.
pub(super) const ROWS: &str = "rows.";

/// Routing key of `ReportDue` messages.
pub const REPORTS: &str = "reports";

/// Routing key of markers into the quarantine, into which nothing else is published.
pub(super) const QUARANTINE: &str = "suspects";

/// The delays that releases without an exchange of work had.
const OLD_DELAYS: [&str; 5] = ["1s", "5s", "30s", "2m", "10m"];

/// Names of exchanges and queues.
#[derive(Debug, Clone)]
pub struct Topology {
    prefix: String,
    pub(super) shards: u16,
}

impl Topology {
    /// Names that begin with the prefix, and this many shard queues.
    pub const fn new(prefix: String, shards: u16) -> Self {
        Self { prefix, shards }
    }

    /// The exchange of jobs. The Dialer publishes there.
    pub fn jobs_exchange(&self) -> ShortString {
        self.name("imports")
    }

    /// The exchange of work. Only workers publish there, so what comes through it can be trusted to be theirs.
    pub fn work_exchange(&self) -> ShortString {
        self.name("imports.work")
    }

    /// The exchange of events.
    pub fn events_exchange(&self) -> ShortString {
        self.name("imports.events")
    }

    /// The exchange whose messages wait for the delay after this many failures.
    pub fn delay_exchange(&self, retry_count: u32) -> ShortString {
        self.delay_queue(policy::delay(retry_count).name)
    }

    /// Exchanges and queues of the delays of releases that had no exchange of work. Where a delay queue leads back to
    /// cannot be changed, so the present ones have other names.
    pub(super) fn old_delays(&self) -> impl Iterator<Item = ShortString> {
        OLD_DELAYS
            .iter()
            .map(|delay| self.name(&format!("imports.retry.{delay}")))
    }

    /// Exchange and queue of messages that were delivered too often. Most of them were only held together with the one
    /// that kills its worker: here each is delivered alone, so that only that one is set aside.
    pub fn quarantine(&self) -> ShortString {
        self.name("imports.suspects")
    }

    /// All queues that a message of a running import can wait in, except the delay queues.
    pub fn marked_queues(&self) -> impl Iterator<Item = MarkedQueue> {
        let of_shards = [PLANS, ROWS].into_iter().flat_map(|kind| {
            (0..self.shards).map(move |shard| MarkedQueue {
                key: key(kind, shard).to_string(),
                shard: Some(shard),
            })
        });
        let of_all = [REQUESTED, REPORTS, QUARANTINE].map(|key| MarkedQueue {
            key: key.to_owned(),
            shard: None,
        });
        of_all.into_iter().chain(of_shards)
    }

    /// The shard that a queue belongs to.
    pub fn shard_of(&self, queue: &str) -> Option<u16> {
        (0..self.shards).find(|&shard| {
            self.queues_of_shard(shard)
                .iter()
                .any(|own| own.as_str() == queue)
        })
    }

    /// Exchange and queue of messages that were set aside for an operator.
    pub fn dead(&self) -> ShortString {
        self.name("imports.dead")
    }

    /// The queue of jobs.
    pub fn requested_queue(&self) -> ShortString {
        self.name("imports.requested")
    }

    /// The queue of cancel messages.
    pub fn cancel_queue(&self) -> ShortString {
        self.name("imports.cancel")
    }

    /// The queue of `ReportDue` messages.
    pub fn reports_queue(&self) -> ShortString {
        self.name("imports.reports")
    }

    /// The shard queues of `PlanDue` messages.
    pub fn plan_queues(&self) -> impl Iterator<Item = ShortString> {
        self.sharded(PLANS)
    }

    /// The shard queues of `RowsDue` messages.
    pub fn batch_queues(&self) -> impl Iterator<Item = ShortString> {
        self.sharded(ROWS)
    }

    /// The queues of one shard.
    pub(super) fn queues_of_shard(&self, shard: u16) -> [ShortString; 2] {
        [PLANS, ROWS].map(|kind| self.queue(&key(kind, shard)))
    }

    /// All queues of work, except the quarantine and the delay queues.
    pub fn work_queues(&self) -> impl Iterator<Item = ShortString> {
        [self.requested_queue(), self.cancel_queue(), self.reports_queue()]
            .into_iter()
            .chain(self.plan_queues())
            .chain(self.batch_queues())
    }

    fn sharded(&self, kind: &str) -> impl Iterator<Item = ShortString> {
        (0..self.shards).map(move |shard| self.queue(&key(kind, shard)))
    }

    /// The work queues of this many shards that only workers publish to, each with its key.
    pub(super) fn internal_queues(&self, shards: u16) -> impl Iterator<Item = (ShortString, ShortString)> {
        let shards = [PLANS, ROWS]
            .into_iter()
            .flat_map(move |kind| (0..shards).map(move |shard| key(kind, shard)));
        std::iter::once(REPORTS.into())
            .chain(shards)
            .map(|key: ShortString| (self.queue(&key), key))
    }

    /// The name of the queue that a key of work leads to.
    pub fn work_queue(&self, key: &str) -> String {
        self.name(&format!("imports.{key}")).to_string()
    }

    /// The queue that the key leads to.
    fn queue(&self, key: &ShortString) -> ShortString {
        self.name(&format!("imports.{key}"))
    }

    /// The key that leads to a work queue; `None` if it is not one.
    pub(super) fn key_of(&self, queue: &str) -> Option<ShortString> {
        let key = queue
            .strip_prefix(self.prefix.as_str())?
            .strip_prefix("imports.")?;
        is_work(key).then(|| key.into())
    }

    /// The queue that the Dialer reads.
    pub fn dialer_queue(&self) -> ShortString {
        self.name("dialer.import-events")
    }

    /// The queue that a message goes to.
    pub(super) fn queue_of(&self, exchange: &ShortString, routing_key: &ShortString) -> ShortString {
        if [self.jobs_exchange(), self.work_exchange()].contains(exchange) {
            self.queue(routing_key)
        } else if *exchange == self.events_exchange() {
            self.dialer_queue()
        } else {
            // All others have one queue, of the same name.
            exchange.clone()
        }
    }

    /// Number of shards.
    pub const fn shards(&self) -> u16 {
        self.shards
    }

    /// Routing key of a shard's `PlanDue` messages.
    pub(super) fn plans_key(&self, shard: u16) -> ShortString {
        key(PLANS, self.existing(shard))
    }

    /// Routing key of a shard's `RowsDue` messages.
    pub(super) fn batches_key(&self, shard: u16) -> ShortString {
        key(ROWS, self.existing(shard))
    }

    /// A shard that was chosen when there were more of them is mapped to another.
    fn existing(&self, shard: u16) -> u16 {
        shard % self.shards.max(1)
    }

    pub(super) fn delay_queue(&self, delay: &str) -> ShortString {
        self.name(&format!("imports.delay.{delay}"))
    }

    fn name(&self, name: &str) -> ShortString {
        format!("{}{name}", self.prefix).into()
    }
}

pub(super) fn key(kind: &str, shard: u16) -> ShortString {
    format!("{kind}{shard:02}").into()
}

/// Whether a routing key leads to a work queue.
pub(super) fn is_work(key: &str) -> bool {
    [REQUESTED, CANCEL, REPORTS].contains(&key) || key.starts_with(PLANS) || key.starts_with(ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::DELAYS;

    #[test]
    fn the_queue_tells_the_key() {
        let topology = Topology::new("t.".into(), 2);
        for queue in topology.work_queues() {
            let key = topology.key_of(queue.as_str()).unwrap();
            assert_eq!(topology.queue(&key), queue);
        }
        let others = [
            "imports.requested",
            "t.imports.suspects",
            "t.imports.dead",
            "t.imports.retry.1s",
            "",
            "t.",
        ];
        for other in others {
            assert_eq!(topology.key_of(other), None, "{other}");
        }
    }

    #[test]
    fn every_exchange_leads_to_a_queue_that_is_declared() {
        let topology = Topology::new("t.".into(), 2);
        let (exchanges, queues) = topology.names();
        let keys: Vec<ShortString> = topology.marked_queues().map(|queue| queue.key.into()).collect();
        for exchange in exchanges {
            for key in keys.iter().filter(|key| key.as_str() != QUARANTINE) {
                let queue = topology.queue_of(&exchange, key);
                assert!(queues.contains(&queue), "{exchange}, {key}: {queue}");
            }
        }
    }

    #[test]
    fn every_queue_that_is_declared_is_consumed_marked_and_known_by_its_name() {
        let topology = Topology::new("t.".into(), 2);
        let delays = DELAYS.map(|delay| topology.delay_queue(delay.name));
        let others = [topology.dead(), topology.dialer_queue(), topology.quarantine()];
        let consumed: Vec<ShortString> = topology.work_queues().collect();
        let marked: Vec<ShortString> = topology.marked_queues().map(|queue| queue.key.into()).collect();
        let (_, queues) = topology.names();
        for queue in queues
            .iter()
            .filter(|queue| !delays.contains(queue) && !others.contains(queue))
        {
            assert!(consumed.contains(queue), "{queue}");
            let key = topology.key_of(queue.as_str()).unwrap();
            // A cancel message is not part of a running import.
            assert!(marked.contains(&key) || key.as_str() == CANCEL, "{queue}");
        }
    }

    #[test]
    fn the_queues_of_a_shard_are_known_by_their_names() {
        let topology = Topology::new("t.".into(), 2);
        for shard in [0, 1] {
            for queue in topology.queues_of_shard(shard) {
                assert_eq!(topology.shard_of(queue.as_str()), Some(shard), "{queue}");
            }
        }
        for other in [
            "t.imports.reports",
            "t.imports.plans.02",
            "imports.plans.00",
            "t.dialer.import-events",
        ] {
            assert_eq!(topology.shard_of(other), None, "{other}");
        }
    }
}
