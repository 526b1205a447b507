//! The steps of the wizard, and the current one.

use maud::{Markup, html};
use uuid::Uuid;

use crate::console::pages::icons;

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    File,
    Fields,
    Check,
    Import,
}

impl Step {
    const ALL: [(Self, &'static str); 4] = [
        (Self::File, "File"),
        (Self::Fields, "Fields"),
        (Self::Check, "Check"),
        (Self::Import, "Import"),
    ];

    fn link(self, upload_id: Uuid) -> Option<String> {
        match self {
            Self::File => Some(format!("/uploads/{upload_id}")),
            Self::Fields => Some(format!("/uploads/{upload_id}/fields")),
            Self::Check => Some(format!("/uploads/{upload_id}/check")),
            Self::Import => None,
        }
    }
}

/// All steps, with links to those before: going back loses nothing.
pub(super) fn steps(now: Step, upload_id: Option<Uuid>) -> Markup {
    html! {
        nav.steps aria-label="Steps" { ol {
            @for (step, name) in Step::ALL {
                li.done[step < now] aria-current=[(step == now).then_some("step")] {
                    span.dot aria-hidden="true" { @if step < now { (icons::done()) } @else { (step as usize + 1) } }
                    @match upload_id.filter(|_| step < now).and_then(|upload_id| step.link(upload_id)) {
                        Some(link) => a href=(link) { (name) },
                        None => span { (name) },
                    }
                }
            }
        } }
    }
}
