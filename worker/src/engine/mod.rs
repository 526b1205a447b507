//! The life of one delivery, and the loop around all of them.
//!
//! `execute` is the pipeline; `retry` decides what follows from an error, by the numbers of `policy`, and `dispose`
//! carries it out; `fail` sets a message aside and fails its import; `keep` takes in what the broker itself set aside;
//! `outage` waits for the database; `heartbeat` shows operators that the worker is running; `rescue` finds imports
//! whose messages were lost, and destroys seeds that were kept too long.

mod dispose;
mod execute;
mod fail;
mod heartbeat;
mod keep;
mod outage;
mod outage_record;
pub mod panics;
mod publish;
mod rescue;
mod retry;
mod worker;

pub use execute::run;
pub use rescue::RescueOptions;
pub use worker::{Options, work};
