//! The operators' pages: imports of all tenants, what happened to them, and what was set aside. Never a cell of a file.
//! Changes go through [`crate::operate`], as from the command line, and into the same audit trail.

mod audit;
mod dead;
mod doctor;
mod entry;
mod import;
mod imports;
mod overview;
mod parts;
mod pauses;
mod workers;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};

use crate::console::state::Console;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/operators", get(overview::show))
        .route("/operators/pause", post(pauses::pause))
        .route("/operators/resume", post(pauses::resume))
        .route("/operators/imports", get(imports::show))
        .route("/operators/imports/{import_id}", get(import::show))
        .route("/operators/imports/{import_id}/cancel", post(import::cancel))
        .route("/operators/imports/{import_id}/replay", post(import::replay))
        .route("/operators/dead", get(dead::show))
        .route("/operators/dead/replay", post(dead::replay))
        .route("/operators/dead/discard", post(dead::discard))
        .route("/operators/audit", get(audit::show))
        .route("/operators/doctor", get(doctor::show))
}
