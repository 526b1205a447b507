//! The load generator: many tenants import at once, as the Dialer would have it, and what came of it is told in figures.
//!
//! ```text
//! options ─▶ run (world, workers, scenario) ─▶ watch (imports and their times) ─▶ figures (JSON, text) ─▶ plot (SVG)
//!                 limit: what Argon2 alone can do here        usage: processor time and memory by process
//! ```

mod figures;
mod limit;
mod options;
mod plot;
mod run;
mod usage;
mod watch;

pub use options::Options;
pub use run::run;
