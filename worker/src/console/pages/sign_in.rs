//! Coming in and going out. The token comes in the fragment of the URL, which no server and no log ever sees.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header::SET_COOKIE},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::layout;
use crate::{
    console::{
        access::{self, Visitor},
        error::Error,
        state::Console,
    },
    db::BearerRole,
};

/// Where everybody begins.
pub(super) async fn home(visitor: Result<Visitor, Error>) -> Response {
    match visitor {
        Ok(visitor) => Redirect::to(home_of(visitor.bearer.role)).into_response(),
        Err(Error::SignedOut) => page().into_response(),
        Err(error) => error.into_response(),
    }
}

const fn home_of(role: BearerRole) -> &'static str {
    match role {
        BearerRole::Administrator(_) => "/users",
        BearerRole::Operator { .. } => "/operators",
    }
}

/// The page whose script exchanges the token for a cookie.
pub(super) async fn sign_in() -> Markup {
    page()
}

fn page() -> Markup {
    layout::bare(
        "Sign in",
        &html! {
            section.card.narrow data-sign-in {
                h1 { "Sign in" }
                p id="sign-in-wait" hidden { "One moment …" }
                div id="sign-in-help" {
                    p { "Open the console from the Dialer: its link signs you in." }
                    p.hint { "Links are valid for some hours. If yours has expired, or you have signed out, ask for a new one." }
                }
                div.notice.bad id="sign-in-error" role="alert" hidden {}
                noscript { p { "The console needs JavaScript." } }
            }
        },
    )
}

/// Ends the session.
pub(super) async fn sign_out(
    visitor: Result<Visitor, Error>,
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Ok(Visitor {
        session: Some(session),
        ..
    }) = visitor
    {
        console.db.end_session(&session).await?;
    }
    let signed_out = Redirect::to("/sign-in");
    Ok(match access::clear(&headers, &console.framing) {
        Some(cookie) => ([(SET_COOKIE, cookie)], signed_out).into_response(),
        None => signed_out.into_response(),
    })
}
