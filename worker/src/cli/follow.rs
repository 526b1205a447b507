//! Following an import until its state is final: what `watch` and `submit --wait` share.

use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use uuid::Uuid;

use crate::db::{self, Db, Import};

/// How often the import is looked at: quick for a person, and next to nothing for the database.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// What one look at the import shows.
pub(super) enum Look<'a> {
    /// No worker has taken its job yet.
    Missing,
    /// The import as it stands.
    Found(&'a Import),
    /// The database is unavailable. The import goes on without us; following it continues once the database is back.
    Unavailable(&'a db::Error),
}

/// Ctrl-C was pressed. The import goes on.
#[derive(Debug, thiserror::Error)]
#[error(
    "stopped waiting, the import goes on; to follow it: user-import watch {0}; for its reports later: user-import reports {0} --out DIR"
)]
pub(super) struct Interrupted(Uuid);

/// Polls an import, shows it each time, and returns it when its state is final. Ctrl-C ends the polling, not the
/// import.
pub(super) async fn follow(
    db: &Db,
    import_id: Uuid,
    show: impl FnMut(Look<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Import> {
    tokio::select! {
        import = until_final(db, import_id, show) => import,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot listen for Ctrl-C")?;
            Err(Interrupted(import_id).into())
        }
    }
}

async fn until_final(
    db: &Db,
    import_id: Uuid,
    mut show: impl FnMut(Look<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Import> {
    loop {
        match db.find(import_id).await {
            Ok(None) => show(Look::Missing)?,
            Ok(Some(import)) => {
                show(Look::Found(&import))?;
                if import.state.is_final() {
                    return Ok(import);
                }
            }
            Err(error) if error.passes() => show(Look::Unavailable(&error))?,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// A progress bar on a terminal; nothing if standard error is not one. One line, however narrow the terminal is.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{bar:20} {wide_msg}")?;
        // A bar of length 0 would be full.
        let bar = ProgressBar::new(1).with_style(style);
        // A dumb terminal cannot redraw a line.
        if std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb") {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Ok(Self(bar))
    }

    /// Whether it is not shown, so that lines have to say what it would show.
    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Shows how many rows have an outcome, with a message beside the bar.
    pub(super) fn show(&self, import: &Import, message: String) {
        let total = import.summary.total;
        self.0.set_length(u64::from(total.max(1)));
        self.0
            .set_position(u64::from(total.saturating_sub(import.pending)));
        self.say(message);
    }

    /// Shows a message that is not progress.
    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
        // Otherwise it would be drawn only when the bar moves.
        self.0.tick();
    }
}

impl Drop for Bar {
    /// Clears the bar, so that later output takes its place.
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
