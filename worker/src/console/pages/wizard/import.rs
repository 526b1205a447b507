//! Steps 6 to 8: an import under way, its summary, the two files, and the way on to the Users table.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use shared::contract::{event::Summary, job::Mode};
use time::OffsetDateTime;

use super::{
    problems, refused,
    steps::{Step, steps},
};
use crate::{
    console::{
        access::{AwaitedImport, Visitor},
        api::downloads::AUDITED,
        error::Error,
        imports::has_reports,
        pages::{
            icons,
            layout::{Place, page},
            parts::{counted, notice, sentence},
            progress,
        },
        state::Console,
    },
    db::{Import, State as ImportState, Upload},
};

pub(super) async fn show(
    visitor: Visitor,
    awaited: AwaitedImport,
    State(console): State<Arc<Console>>,
) -> Result<Response, Error> {
    let AwaitedImport {
        import_id,
        import,
        upload,
        ..
    } = awaited;
    let is_check = import
        .as_ref()
        .is_some_and(|import| import.job.mode == Mode::Validate);
    let body = match &import {
        Some(import) if import.state.is_final() => summary(&console, import).await?,
        import => {
            let title = if is_check {
                "Checking the file"
            } else {
                "Importing users"
            };
            html! {
                (progress::live(import_id, import.as_ref(), title))
                @if let (None, Some(upload)) = (import, &upload) { (send_again(upload)) }
            }
        }
    };
    let content = html! {
        a.back href="/imports" { "← Imports" }
        div.title {
            h1 { @if is_check { "Check" } @else { "Import" } }
            @if let Some(upload) = &upload { span.hint { (upload.file_name) } }
        }
        @if !is_check { (steps(Step::Import, None)) }
        @if let Some(corrects) = upload.as_ref().and_then(|upload| upload.corrects) {
            p.hint { "Contains the corrected rows of " a href={ "/imports/" (corrects) } { "an earlier import" } "." }
        }
        (body)
    };
    Ok(page(&visitor.bearer, Place::Imports, "Import", &content).into_response())
}

/// How long an import that was sent may be unknown to the workers before its administrator is offered to send it again.
const UNTAKEN: time::Duration = time::Duration::seconds(30);

/// The way out if the console or the broker failed just when the import was sent.
fn send_again(upload: &Upload) -> Markup {
    let is_late = OffsetDateTime::now_utc() - upload.changed_at > UNTAKEN;
    html! {
        @if is_late {
            (notice("wait", "No worker has taken the import yet", &html! {
                p { "It is waiting for its turn, or did not get through. You can send it again: no user is created twice." }
                form method="post" action={ "/uploads/" (upload.upload_id) "/import" } { button type="submit" { "Send it again" } }
            }))
        }
    }
}

async fn summary(console: &Console, import: &Import) -> Result<Markup, Error> {
    Ok(match import.state {
        ImportState::Rejected => {
            let message = import
                .rejection
                .as_ref()
                .map(|rejection| rejection.message.as_str());
            notice(
                "bad",
                "The file was rejected; no users were created",
                &html! {
                    p { (sentence(message.unwrap_or_default())) }
                    p { a href="/users/create" { "Upload another file" } }
                },
            )
        }
        // Until somebody resumes it, which this page will notice.
        ImportState::Failed => html! {
            div data-refresh="5" { (notice("bad", "The import stopped because of a problem on our side", &html! {
                p {
                    @match import.summary.created {
                        0 => "No users had been created by then.",
                        created => { (counted(created.into(), "user was", "users were")) " created before that; the passwords come with the reports." }
                    }
                    " Operators have been notified. They will resume it where it stopped, and no user will be created twice."
                }
                p { "Import " code { (import.job.import_id) } }
            })) }
        },
        _ => finished(console, import).await?,
    })
}

async fn finished(console: &Console, import: &Import) -> Result<Markup, Error> {
    let reference = import.reference();
    let import_id = reference.import_id;
    let is_check = import.job.mode == Mode::Validate;
    let downloads = console.db.success_downloads(reference, AUDITED).await?;
    let has_reports = has_reports(import);
    let purged = import.success_purged_at.is_some();
    let undownloaded = has_reports && !is_check && !purged && import.summary.created > 0 && downloads == 0;
    let successor = console.db.corrected_by(reference.tenant_id, import_id).await?;
    let rows = if has_reports && import.rows_purged_at.is_none() {
        console
            .db
            .rows(reference.tenant_id, import_id, &refused::OUTCOMES)
            .await?
    } else {
        Vec::new()
    };
    let mut earlier = if purged {
        Vec::new()
    } else {
        console.db.reported_attempts(reference).await?
    };
    earlier.retain(|attempt| attempt.attempt < import.attempt);
    let summary = import.summary;
    let uploaded = if is_check { "Can be created" } else { "Uploaded" };
    Ok(html! {
        h2 { (outcome(&summary, is_check)) }
        @if import.state == ImportState::Cancelled {
            (notice("wait", "The import was cancelled", &html! {
                p {
                    @if summary.cancelled > 0 { (counted(summary.cancelled.into(), "row was", "rows were")) " not processed. " }
                    @if summary.created > 0 && !is_check { "Users that were created are kept." }
                }
            }))
        }
        section.counts aria-label="Summary" {
            (problems::count("good", summary.created, uploaded))
            (problems::count("wait", summary.duplicates, problems::DUPLICATES))
            (problems::count("bad", summary.errors, problems::ERRORS))
        }
        @if undownloaded {
            div.notice.wait id="passwords" data-unsaved {
                (icons::warning())
                div {
                    strong { "Save the temporary passwords now" }
                    p { "They are in the success details and nowhere else. If you do not download them, you will need to reset passwords one by one on the Users page." }
                    p { (success_link(import, true)) }
                }
            }
        }
        div.card.split {
            div.actions.left {
                @if has_reports && !purged && !undownloaded { (success_link(import, false)) }
                @if has_reports && import.rows_purged_at.is_none() {
                    a.button id="errors" href={ "/api/imports/" (import_id) "/errors.csv" } download { (icons::download()) "Download Error Details" }
                }
                @for attempt in &earlier {
                    a.button href={ "/api/imports/" (import_id) "/success.csv?attempt=" (attempt.attempt) } download {
                        (icons::download()) "Success Details of attempt " (attempt.attempt)
                    }
                }
            }
            @if downloads > 0 { p.hint { "Success details downloaded " (counted(u64::try_from(downloads).unwrap_or(0), "time", "times")) "." } }
            @if purged { p.hint { "The success details were deleted at the end of their retention period." } }
            div.actions {
                @if !is_check {
                    a.button.primary[!undownloaded] href={ "/users?new=" (import_id) } data-leave[undownloaded] data-yields[!undownloaded] { "Continue" }
                }
            }
        }
        @if undownloaded { (leave_dialog(import)) }
        @match &successor {
            Some(successor) => (refused::corrected(successor)),
            None if !rows.is_empty() && !is_check => (refused::to_correct(console, import, &rows).await?),
            None => {}
        }
    })
}

/// What happened, in a sentence: `3 users created, 1 row left out`.
fn outcome(summary: &Summary, is_check: bool) -> String {
    let created = match summary.created {
        0 => "No users".to_owned(),
        created => counted(created.into(), "user", "users"),
    };
    let verb = if is_check { "can be created" } else { "created" };
    let mut text = format!("{created} {verb}");
    for (number, what) in [
        (summary.duplicates.saturating_add(summary.errors), "left out"),
        (summary.cancelled, "not processed"),
    ] {
        if number > 0 {
            text = format!("{text}, {} {what}", counted(number.into(), "row", "rows"));
        }
    }
    text
}

/// The link to the passwords.
fn success_link(import: &Import, is_primary: bool) -> Markup {
    html! {
        a.button.primary[is_primary] id="success" href={ "/api/imports/" (import.job.import_id) "/success.csv" } download data-saves {
            (icons::download()) "Download Success Details"
        }
    }
}

/// Asks before the page is left without the passwords.
fn leave_dialog(import: &Import) -> Markup {
    let import_id = import.job.import_id;
    html! {
        dialog id="leave" aria-labelledby="leave-title" {
            h2 id="leave-title" { "Leave without the passwords?" }
            p { "The temporary passwords of " (counted(import.summary.created.into(), "user", "users"))
                " have not been downloaded. Without them, passwords have to be reset one by one." }
            div.actions {
                a.button.primary href={ "/api/imports/" (import_id) "/success.csv" } download data-saves { (icons::download()) "Download Success Details" }
                a.button.danger href={ "/users?new=" (import_id) } data-goes {
                    "Leave without " (counted(import.summary.created.into(), "password", "passwords"))
                }
                form method="dialog" { button.quiet { "Back" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_says_what_became_of_all_rows() {
        for ((created, duplicates, errors, cancelled), is_check, text) in [
            ((3, 0, 0, 0), false, "3 users created"),
            ((1, 0, 1, 0), false, "1 user created, 1 row left out"),
            ((0, 2, 3, 0), false, "No users created, 5 rows left out"),
            (
                (7, 1, 1, 1),
                false,
                "7 users created, 2 rows left out, 1 row not processed",
            ),
            ((0, 0, 0, 9), false, "No users created, 9 rows not processed"),
            ((2, 0, 1, 0), true, "2 users can be created, 1 row left out"),
        ] {
            let summary = Summary {
                total: created + duplicates + errors + cancelled,
                created,
                duplicates,
                errors,
                cancelled,
            };
            assert_eq!(outcome(&summary, is_check), text);
        }
    }
}
