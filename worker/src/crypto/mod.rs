//! Passwords, their hashes, and the seals of the seeds that they are made from.

pub mod hashing;
pub mod password;
pub mod seal;
