//! What `doctor` and the console look for: whether the servers, and the imports in them, are as they should be. Which
//! servers, and what else can be checked where it runs, is up to the caller.

mod broker;
mod check;
mod imports;
mod rights;
mod schema;

pub use broker::broker;
pub use check::{Check, Verdict};
pub use imports::imports;
pub use rights::rights;
pub use schema::{schema, server};
