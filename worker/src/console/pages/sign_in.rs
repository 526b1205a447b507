//! Signing in and out. The token arrives in the fragment of the URL, which no server and no log ever sees.

use std::sync::Arc;

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, Method, header::SET_COOKIE},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{layout, parts::address};
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
        Err(Error::SignedOut) => page(&Shown::default()).into_response(),
        Err(error) => error.into_response(),
    }
}

const fn home_of(role: BearerRole) -> &'static str {
    match role {
        BearerRole::Administrator(_) => "/users",
        BearerRole::Operator { .. } => "/operators",
    }
}

/// What the page for signing in is told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Shown {
    /// The page to go back to.
    back: String,
    /// Whether there was a session.
    ended: bool,
}

impl Shown {
    /// A path of this console to go back to after signing in: nothing that a browser takes for another host.
    fn path(&self) -> Option<&str> {
        let is_ours = self.back.starts_with('/')
            && !self.back.starts_with("//")
            && !self.back.contains(['\\', '\t', '\n', '\r']);
        is_ours.then_some(self.back.as_str())
    }
}

/// The address of the page for signing in, which leads back to the page of this request.
pub(super) fn leading_back(request: &Request) -> String {
    let back = match (request.method(), request.uri().path_and_query()) {
        (&Method::GET, Some(path)) => path.as_str(),
        _ => "",
    };
    let ended = if access::has_cookie(request.headers()) {
        "true"
    } else {
        ""
    };
    address("/sign-in", &[("back", back), ("ended", ended)])
}

/// The page whose script exchanges the token for a cookie.
pub(super) async fn sign_in(Query(shown): Query<Shown>) -> Markup {
    page(&shown)
}

fn page(shown: &Shown) -> Markup {
    layout::bare(
        "Sign in",
        &html! {
            section.card.narrow data-sign-in data-back=[shown.path()] {
                h1 { @if shown.ended { "Your session has ended" } @else { "Sign in" } }
                p id="sign-in-wait" hidden { "One moment …" }
                div id="sign-in-help" {
                    p { "Open the console from the Dialer: its link signs you in." }
                    p.hint { "Links are valid for a few hours. If yours has expired, or you have signed out, ask for a new one." }
                }
                div.notice.bad id="sign-in-error" role="alert" hidden {}
                noscript { p { "The console requires JavaScript." } }
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
    if let Ok(visitor) = visitor {
        visitor.log_out(&console).await?;
    }
    let signed_out = Redirect::to("/sign-in");
    Ok(match access::clear(&headers, &console.framing) {
        Some(cookie) => ([(SET_COOKIE, cookie)], signed_out).into_response(),
        None => signed_out.into_response(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_a_page_of_the_console_and_nowhere_else() {
        for (back, is_ours) in [
            ("/uploads/7/fields?a=b", true),
            ("//attacker.example", false),
            ("/\\attacker.example", false),
            ("/\t/attacker.example", false),
            ("https://attacker.example", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            let shown = Shown {
                back: back.to_owned(),
                ended: false,
            };
            assert_eq!(shown.path().is_some(), is_ours, "{back}");
        }
    }
}
