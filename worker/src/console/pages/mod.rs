//! The pages: HTML made here, for people. Every page is a plain document, every change a form; the script only adds to them.

mod asked;
mod icons;
mod imports;
mod layout;
mod operators;
mod parts;
mod progress;
mod sign_in;
mod users;
mod wizard;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use maud::html;

use super::{
    error::{Error, Failure, told},
    state::Console,
};

/// All pages.
pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/", get(sign_in::home))
        .route("/sign-in", get(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/imports", get(imports::show))
        .route("/users", get(users::show))
        .merge(wizard::routes())
        .merge(operators::routes())
}

/// The answer if there is no such page.
pub(super) async fn missing() -> Error {
    Error::NotFound("page")
}

/// Shows every failure as a page, except to the API.
pub(super) async fn failures_as_pages(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let sign_in = sign_in::leading_back(&request);
    let response = told(next.run(request).await).await;
    if is_api {
        response
    } else {
        page_of(response, &sign_in)
    }
}

fn page_of(response: Response, sign_in: &str) -> Response {
    let Some(failure) = response.extensions().get::<Arc<Failure>>() else {
        return response;
    };
    if failure.code == "signed_out" {
        return Redirect::to(sign_in).into_response();
    }
    let content = html! {
        section.card.narrow data-failure {
            h1 { @if response.status().is_server_error() { "Something went wrong" } @else { "That did not work" } }
            p { (parts::sentence(&failure.message)) }
            p { a href="/" { "Go to the start page" } }
        }
    };
    let page = layout::bare("Error", &content);
    (response.status(), page).into_response()
}
