//! RabbitMQ: the only module that names lapin. Messages go out confirmed and routed, deliveries come in.

mod check;
mod connection;
mod count;
mod dead;
mod declare;
mod delivery;
mod envelope;
mod error;
mod headers;
mod link;
mod old_way;
mod options;
mod publisher;
mod silent;
mod topology;
mod version;

pub use check::{Depth, Examined, examine};
pub use count::Waiting;
pub use dead::SetAside;
pub use delivery::Delivery;
pub use error::Error;
pub use link::{Deliveries, Link, declare};
pub use old_way::close as close_old_way;
pub use options::Options;
pub use publisher::Publisher;
pub use silent::SilentQueues;
pub use topology::{CANCEL, DEFAULT_SHARDS, REPORTS, REQUESTED, Topology};
