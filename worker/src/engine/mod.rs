//! The life of one delivery, and the loop around all of them.

mod execute;
mod fail;
pub mod panics;
mod rescue;
mod retry;
mod worker;

pub use rescue::MAX_RESCUES;
pub use worker::{Options, work};
