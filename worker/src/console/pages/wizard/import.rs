//! Steps 6 to 8: an import under way, its summary, the two files, and the way on to the Users table.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use shared::contract::job::Mode;
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
        @if import.state == ImportState::Cancelled {
            (notice("wait", "The import was cancelled", &html! {
                p { (counted(summary.cancelled.into(), "row was", "rows were")) " not processed. Users that were created are kept." }
            }))
        }
        section.counts aria-label="Summary" {
            (problems::count("good", summary.created, uploaded))
            (problems::count("wait", summary.duplicates, problems::DUPLICATES))
            (problems::count("bad", summary.errors, problems::ERRORS))
        }
        @if undownloaded {
            div id="passwords" data-unsaved {
                (notice("wait", "Save the temporary passwords now", &html! {
                    p { "They are in the success details and nowhere else. If you do not download them, you will need to reset passwords one by one on the Users page." }
                }))
            }
        }
        div.card.split {
            div.actions.left {
                @if has_reports && !purged {
                    a.button.primary[undownloaded] id="success" href={ "/api/imports/" (import_id) "/success.csv" } download data-saves {
                        (icons::download()) "Download Success Details"
                    }
                }
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
                    a.button.primary[!undownloaded] href={ "/users?new=" (import_id) } data-leave[undownloaded] { "Continue" }
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

/// QueryParams before the page is left without the passwords.
fn leave_dialog(import: &Import) -> Markup {
    let import_id = import.job.import_id;
    html! {
        dialog id="leave" aria-labelledby="leave-title" {
            h2 id="leave-title" { "Leave without the passwords?" }
            p { "The temporary passwords of " (counted(import.summary.created.into(), "user", "users"))
                " have not been downloaded. Without them, passwords have to be reset one by one." }
            div.actions {
                a.button.primary href={ "/api/imports/" (import_id) "/success.csv" } download data-saves { (icons::download()) "Download Success Details" }
                a.button href={ "/users?new=" (import_id) } data-goes { "Leave without them" }
                form method="dialog" { button.quiet { "Stay" } }
            }
        }
    }
}
