//! Argon2id on threads of its own: passwords go in, PHC strings come out.
//!
//! Hashing is nearly all the work of an import. It must never run on the threads of the async runtime, which would
//! then miss heartbeats and time-outs.

mod argon2id;
mod cost;
mod error;
mod hasher;

pub use argon2id::{Argon2id, Choice, HASH_BYTES, Implementation, SALT_BYTES};
pub use cost::Cost;
pub use error::Error;
pub use hasher::Hasher;
