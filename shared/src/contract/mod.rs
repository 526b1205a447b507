//! What crosses the broker: the job that the Dialer publishes, the messages that workers send each other, and the
//! events that the Dialer receives. The JSON Schemas under `shared/schemas/` are made from these types.
//!
//! Fields may be added to events within version 1, so readers of events ignore what they do not know.
//! Jobs and work messages refuse unknown fields: a misspelt option must not be ignored silently.

pub mod cancel;
pub mod event;
mod id;
pub mod job;
pub mod message;
pub(crate) mod schema;

pub use id::{Id, InvalidId, Version};
