//! The wizard: the help page "Mass User Creation", step by step. What is chosen is in the database from the first
//! moment, so that every step can be left, reloaded, and gone back to.

mod check;
mod create;
mod fields;
mod import;
mod preview;
mod problems;
mod ready;
mod refused;
mod sample;
mod steps;
mod stored;

pub(super) use self::problems::{DUPLICATES, ERRORS};

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::console::state::Console;

/// Maximum size of a form: the cells of all rows that can be corrected.
const MAX_FORM_BYTES: usize = 8 * 1024 * 1024;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/users/create", get(create::create))
        .route("/users/sample.csv", get(sample::sample))
        .route(
            "/uploads/{upload_id}",
            get(preview::show).post(preview::read_otherwise),
        )
        .route(
            "/uploads/{upload_id}/fields",
            get(fields::show).post(fields::save),
        )
        .route("/uploads/{upload_id}/check", get(check::show).post(check::again))
        .route("/uploads/{upload_id}/corrections", post(check::correct))
        .route("/uploads/{upload_id}/import", post(check::import))
        .route("/uploads/{upload_id}/discard", post(stored::discard))
        .route("/imports/{import_id}", get(import::show))
        .route("/imports/{import_id}/corrections", post(refused::correct))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}
