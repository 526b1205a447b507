//! Who comes next: what keeps a flood of one tenant from the others.

mod least_recently_served;
mod queue;
mod shards;

pub(crate) use least_recently_served::LeastRecentlyServed;
pub(crate) use queue::FairQueue;
pub use shards::Shards;
