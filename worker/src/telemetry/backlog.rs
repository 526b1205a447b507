//! The metrics that the database knows for all workers together.

use std::time::Duration;

use prometheus::{Gauge, Registry, Result};

use super::registration::{gauge, gauges, opts, registered};
use crate::db::Backlog;

/// A registry of its own, which lives as long as one scrape.
pub(super) fn registry(backlog: &Backlog) -> Result<Registry> {
    let registry = Registry::new();
    let imports = gauges(
        &registry,
        "imports",
        "Unfinished and failed imports of all tenants, from the database; the same on every worker.",
        "state",
    )?;
    for (state, count) in [
        ("received", backlog.received),
        ("running", backlog.running),
        ("failed", backlog.failed),
    ] {
        imports.with_label_values(&[state]).set(count.into());
    }
    gauge(
        &registry,
        "pending_rows",
        "Rows without an outcome of all running imports that are not paused, from the database; the same on every worker.",
    )?
    .set(i64::try_from(backlog.pending_rows).unwrap_or(i64::MAX));
    gauge(
        &registry,
        "dead_letters_open",
        "Dead letters that nobody has replayed or discarded yet, from the database; the same on every worker.",
    )?
    .set(backlog.dead_letters.into());
    let pauses = gauges(
        &registry,
        "pauses",
        "Pauses in force: of how many tenants, and whether of all together (1), from the database; the same on every worker.",
        "scope",
    )?;
    pauses
        .with_label_values(&["tenant"])
        .set(backlog.paused_tenants.into());
    pauses.with_label_values(&["all"]).set(backlog.all_paused.into());
    let seconds = |name, help, duration: Duration| -> Result<()> {
        registered(&registry, Gauge::with_opts(opts(name, help))?)?.set(duration.as_secs_f64());
        Ok(())
    };
    seconds(
        "oldest_unfinished_import_age_seconds",
        "Age of the oldest unfinished import, from the database; 0 if there is none.",
        backlog.oldest,
    )?;
    seconds(
        "longest_without_progress_seconds",
        "The longest time that an unfinished import has made no progress, from the database; 0 if there is none.",
        backlog.without_progress,
    )?;
    seconds(
        "oldest_success_csv_age_seconds",
        "For how long the import has been finished whose success CSV is the oldest that was not purged, from the database; \
         0 if there is none.",
        backlog.oldest_success_csv,
    )?;
    Ok(registry)
}
