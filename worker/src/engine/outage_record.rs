//! The outages that a worker saw: they are recorded in the database when they are over, for operators who look at an
//! import that made no progress. Nothing depends on them.

use std::time::{Duration, Instant};

use crate::{
    db::{Db, Outage},
    telemetry::{health::Stage, metrics::Server},
};

/// An outage that is over sooner has held nobody up.
const SHORT: Duration = Duration::from_secs(3);

/// The most outages that wait to be recorded: if there are more, the oldest are forgotten.
const MAX_UNRECORDED: usize = 20;

/// The outages that last, and those that are not recorded in the database yet.
#[derive(Debug, Default)]
pub(super) struct OutageRecord {
    database: Option<Instant>,
    broker: Option<Instant>,
    unrecorded: Vec<Outage>,
}

impl OutageRecord {
    /// The worker has entered a stage. As long as it connects, the broker may be unavailable; its heartbeats show
    /// whether the database is.
    pub(super) fn see(&mut self, stage: Stage) {
        match stage {
            Stage::ConnectingToBroker => self.see_server(Server::Broker, false),
            Stage::Consuming => self.see_server(Server::Broker, true),
            Stage::WaitingForDatabase | Stage::Stopping => {}
        }
    }

    /// Whether the database is unavailable.
    pub(super) const fn is_of_database(&self) -> bool {
        self.database.is_some()
    }

    /// A server has answered, or could not be reached.
    pub(super) fn see_server(&mut self, server: Server, is_there: bool) {
        let began = match server {
            Server::Database => &mut self.database,
            Server::Broker => &mut self.broker,
        };
        if !is_there {
            began.get_or_insert_with(Instant::now);
        } else if let Some(began) = began.take().filter(|began| began.elapsed() >= SHORT) {
            if self.unrecorded.len() >= MAX_UNRECORDED {
                self.unrecorded.remove(0);
            }
            self.unrecorded.push(Outage {
                server: server.as_str(),
                began,
                ended: Instant::now(),
            });
        }
    }

    /// Records in the database what is over; what cannot be recorded is tried again with the next heartbeat.
    pub(super) async fn tell(&mut self, db: &Db, worker: &str, patience: Duration) {
        while let Some(outage) = self.unrecorded.first() {
            let told = tokio::time::timeout(patience, db.note_outage(worker, outage)).await;
            if !matches!(told, Ok(Ok(()))) {
                tracing::debug!(server = outage.server, "an outage was not recorded");
                return;
            }
            self.unrecorded.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasted_and_is_over_is_told() {
        let mut record = OutageRecord::default();
        record.see_server(Server::Database, false);
        assert!(record.is_of_database());
        record.see_server(Server::Database, true);
        record.see(Stage::ConnectingToBroker);
        record.see(Stage::Consuming);
        assert!(record.unrecorded.is_empty(), "a start that took a moment");

        record.see(Stage::ConnectingToBroker);
        record.broker = Some(Instant::now() - SHORT);
        record.see(Stage::ConnectingToBroker);
        assert!(record.unrecorded.is_empty(), "it lasts");
        record.see(Stage::Consuming);
        record.see(Stage::Consuming);
        let told: Vec<_> = record.unrecorded.iter().map(|outage| outage.server).collect();
        assert_eq!(told, ["broker"]);
        assert!(
            record
                .unrecorded
                .iter()
                .all(|outage| outage.ended - outage.began >= SHORT)
        );
    }
}
