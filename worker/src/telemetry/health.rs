//! Whether the worker is alive, and whether it is ready: the worker loop reports, probes ask.
//!
//! A worker is alive while its loop runs; an unavailable server does not kill it, because it waits for the server. It
//! is ready when it has a schema and consumes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often the loop reports that it runs.
const BEAT: Duration = Duration::from_secs(1);

/// A loop that has been silent for this long hangs: nothing in it takes longer than milliseconds.
const SILENT: Duration = Duration::from_secs(30);

/// What the worker is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// It waits for the database and its schema.
    #[default]
    WaitingForDatabase,
    /// It connects to the broker and declares the topology.
    ConnectingToBroker,
    /// It takes messages.
    Consuming,
    /// It finishes what it holds.
    Stopping,
}

impl Stage {
    /// As text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WaitingForDatabase => "waiting for the database and its schema",
            Self::ConnectingToBroker => "connecting to the broker",
            Self::Consuming => "consuming",
            Self::Stopping => "stopping",
        }
    }
}

/// Alive and ready, shared by the loop and the probes.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    stage: Stage,
    last_beat: Instant,
}

impl Default for Health {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            stage: Stage::default(),
            last_beat: Instant::now(),
        })))
    }
}

impl Health {
    /// The loop has reached another stage.
    pub fn enter(&self, stage: Stage) {
        self.state().stage = stage;
    }

    /// Runs the loop, and keeps reporting that it runs for as long as it does: both are one task, so whatever blocks
    /// one silences the other.
    pub async fn watch<T>(&self, the_loop: impl Future<Output = T>) -> T {
        let beating = async {
            loop {
                self.state().last_beat = Instant::now();
                tokio::time::sleep(BEAT).await;
            }
        };
        tokio::select! {
            ended = the_loop => ended,
            never = beating => never,
        }
    }

    /// Whether the loop runs.
    pub fn is_alive(&self) -> bool {
        self.state().last_beat.elapsed() < SILENT
    }

    /// What the worker is about to do.
    pub fn stage(&self) -> Stage {
        self.state().stage
    }

    /// The value is always consistent, even if a thread panicked while holding it.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_turns_is_alive_and_one_that_ended_is_not_for_long() {
        let health = Health::default();
        health.watch(tokio::time::sleep(Duration::from_millis(1))).await;
        assert!(health.is_alive());
        health.state().last_beat -= SILENT;
        assert!(!health.is_alive());
    }
}
