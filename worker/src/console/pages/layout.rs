//! The frame of every page.

use maud::{DOCTYPE, Markup, html};

use super::icons;
use crate::db::{Bearer, BearerRole};

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Users,
    Imports,
    Overview,
    OperatorImports,
    Dead,
    Audit,
    Doctor,
}

impl Place {
    const ADMINISTRATOR: &[Self] = &[Self::Users, Self::Imports];
    const OPERATOR: &[Self] = &[
        Self::Overview,
        Self::OperatorImports,
        Self::Dead,
        Self::Audit,
        Self::Doctor,
    ];

    const fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Users => ("/users", "Users"),
            Self::Imports => ("/imports", "Imports"),
            Self::Overview => ("/operators", "Overview"),
            Self::OperatorImports => ("/operators/imports", "Imports"),
            Self::Dead => ("/operators/dead", "Dead letters"),
            Self::Audit => ("/operators/audit", "Audit trail"),
            Self::Doctor => ("/operators/doctor", "Doctor"),
        }
    }
}

/// A page for somebody who is signed in.
pub(super) fn page(bearer: &Bearer, place: Place, title: &str, content: &Markup) -> Markup {
    let (places, whose) = match bearer.role {
        BearerRole::Administrator(tenant_id) => (Place::ADMINISTRATOR, format!("tenant {tenant_id}")),
        BearerRole::Operator { may_act: true } => (Place::OPERATOR, "operator".to_owned()),
        BearerRole::Operator { may_act: false } => (Place::OPERATOR, "operator, read-only".to_owned()),
    };
    let header = html! {
        header.top {
            a.skip href="#main" { "Skip to content" }
            a.brand href="/" { (icons::brand()) span { "User import" } }
            nav aria-label="Main" {
                @for &other in places {
                    @let (href, name) = other.link();
                    a href=(href) aria-current=[(other == place).then_some("page")] { (name) }
                }
            }
            form.who method="post" action="/sign-out" {
                span.subject { (bearer.subject) } span.whose { (whose) }
                button.quiet type="submit" { "Sign out" }
            }
        }
    };
    document(title, &header, content)
}

/// A page for which nobody need be signed in.
pub(super) fn bare(title: &str, content: &Markup) -> Markup {
    let header = html! {
        header.top { a.brand href="/" { (icons::brand()) span { "User import" } } }
    };
    document(title, &header, content)
}

fn document(title: &str, header: &Markup, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · User import" }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/console.css";
                script src="/assets/console.js" defer {}
                script src="/assets/live.js" defer {}
            }
            body {
                (header)
                main id="main" tabindex="-1" { (content) }
                div.toast id="toast" role="status" aria-live="polite" hidden {}
            }
        }
    }
}
