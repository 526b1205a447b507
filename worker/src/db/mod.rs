//! PostgreSQL: the only room that names sqlx. What is here is the truth; the broker only moves work.
//!
//! Transactions are short. Whoever writes rows or users of a tenant holds that tenant's lock until the commit.

mod audit;
mod backlog;
mod batch;
mod cancellations;
mod connection;
mod convert;
mod dead_letters;
mod error;
mod fail;
mod health;
mod import;
mod inspect;
mod lookup;
mod operate;
mod pause;
mod plan;
mod pool;
mod purge;
mod purged;
mod receive;
mod refuse;
mod report;
mod rescue;
mod row;
mod row_record;
mod seeds;
mod shards;
mod tenant_lock;
mod told;

pub use audit::{Audit, EndedAttempt};
pub use backlog::{Backlog, STALLED};
pub use batch::{Committed, Hashed};
pub use connection::{Options, reach};
pub use dead_letters::{DeadCount, DeadFilter, DeadState, StoredDeadLetter};
pub use error::{Error, Severity};
pub use fail::Delay;
pub use health::{Health, SchemaVersion};
pub use import::{Import, State};
pub use inspect::Filter;
pub use operate::LockedImport;
pub use pause::Pause;
pub use plan::{Planned, PlanningTransaction};
pub use pool::Db;
pub use purge::{Old, Stage};
pub use purged::PurgedImport;
pub use receive::Received;
pub use rescue::Rescue;
pub use row::Row;
