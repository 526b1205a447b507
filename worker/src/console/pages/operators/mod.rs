//! The operators' pages: imports of all tenants, what happened to them, and what was set aside. Never a cell of a file. What is
//! changed goes through [`crate::operate`], as by the command line, into the same audit trail.

mod dead;
mod import;
mod imports;
mod overview;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::{console::state::Console, db::Audit};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/operators", get(overview::show))
        .route("/operators/imports", get(imports::show))
        .route("/operators/imports/{import_id}", get(import::show))
        .route("/operators/imports/{import_id}/cancel", post(import::cancel))
        .route("/operators/imports/{import_id}/replay", post(import::replay))
        .route("/operators/dead", get(dead::show))
        .route("/operators/dead/replay", post(dead::replay))
        .route("/operators/dead/discard", post(dead::discard))
}

/// The entry of a change, with the reason that its form gives.
fn audit(subject: String, command: &'static str, form: &[(String, String)]) -> Audit {
    let reason = form.iter().find(|(name, _)| name == "reason");
    Audit {
        command,
        operator: subject,
        reason: reason
            .map(|(_, reason)| reason.trim().to_owned())
            .filter(|reason| !reason.is_empty()),
    }
}
