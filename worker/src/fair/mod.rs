//! Who comes next: three choices that keep one tenant's flood from the others.
//!
//! 1. **Which shard** an import waits in (`Shards`, and the query in `db::shards`). Plans and batches are spread over queues, the
//!    shards. An import gets the shard that holds the least work of other tenants: the fewest imports when its job is
//!    received and its plan is to wait there, the fewest pending rows when the plan has counted its own. Among equals
//!    it is the shard where the tenant itself has most, so that a flood stays in one; then the tenant's home shard and
//!    those after it. The batches' shard is stored with the import until a replay assigns another.
//! 2. **Which message** a worker takes (`LeastRecentlyServed`): of the shards that have any, one from the shard that
//!    was served longest ago. A full queue delays an empty one by one message at most, however long it is.
//! 3. **Which batch** is hashed (`FairQueue`): of the few that a worker holds, the one with the earliest virtual finish time, which
//!    is when it would be done if tenants shared the threads. A small batch does not wait for large ones, and every batch gets its turn.
//!
//! The queue of jobs, which all tenants share, needs no choice: a job is only stored, so it is emptied as fast as it fills.

mod least_recently_served;
mod queue;
mod shards;

pub(crate) use least_recently_served::LeastRecentlyServed;
pub(crate) use queue::FairQueue;
pub use shards::Shards;
