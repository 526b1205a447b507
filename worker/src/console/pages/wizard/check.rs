//! Step 5: the file is checked by a worker, and cells are corrected in place. No users are created.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use shared::{
    contract::job::{Job, Mode},
    file::Record,
    mapping,
    outcome::Outcome,
};

use super::{
    problems::{self, ProblemRow},
    ready::{Ready, begin_check, check_as_it_stands, header_digest, ready, to_fields},
    steps::{Step, steps},
    stored::{replace, store},
};
use crate::{
    console::{
        access::{Administrator, OwnUpload, Visitor},
        choices::Choices,
        corrections::{self, Line},
        error::Error,
        form::Fields,
        imports::{Settings, start},
        pages::{
            layout::{Place, page},
            parts::{counted, notice, sentence, thousands},
            progress,
        },
        state::Console,
    },
    db::{Import, State as ImportState, Upload},
};

pub(super) async fn show(
    visitor: Visitor,
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Response, Error> {
    if let Some(import_id) = upload.import_id {
        return Ok(Redirect::to(&format!("/imports/{import_id}")).into_response());
    }
    let Some(check_id) = upload.check_id else {
        return Ok(to_fields(&upload));
    };
    let Some(ready) = ready(&console, &administrator, &upload).await? else {
        return Ok(to_fields(&upload));
    };
    let found = console.db.find_of(upload.tenant_id, check_id).await?;
    let body = match &found {
        Some(check) if check.state.is_final() => {
            if is_of(check, &administrator, &upload, &ready) {
                result(&console, &upload, check, &ready).await?
            } else {
                outdated(&upload, "Your choices have changed since the file was checked.")
            }
        }
        _ => progress::live(check_id, found.as_ref(), "Checking the file"),
    };
    let is_completed = found.as_ref().is_some_and(|check| {
        check.state == ImportState::Completed && is_of(check, &administrator, &upload, &ready)
    });
    let content = html! {
        a.back href={ "/uploads/" (upload.upload_id) "/fields" } { "← Fields" }
        div.title {
            h1 { "Check" } span.hint { (upload.file_name) }
            @if is_completed {
                form.actions method="post" action={ "/uploads/" (upload.upload_id) "/check" } data-without="Check" {
                    button type="submit" { "Check again" }
                }
            }
        }
        (steps(Step::Check, Some(upload.upload_id)))
        (body)
    };
    Ok(page(&visitor.bearer, Place::Users, "Check", &content).into_response())
}

/// Whether the last check was made of the file and the fields as they are now.
async fn is_checked(
    console: &Console,
    administrator: &Administrator,
    upload: &Upload,
    ready: &Ready,
) -> Result<bool, Error> {
    let Some(check_id) = upload.check_id else {
        return Ok(false);
    };
    let check = console.db.find_of(upload.tenant_id, check_id).await?;
    Ok(check.is_some_and(|check| {
        check.state == ImportState::Completed && is_of(&check, administrator, upload, ready)
    }))
}

/// Whether a check is of the file and the fields as they are now.
fn is_of(check: &Import, administrator: &Administrator, upload: &Upload, ready: &Ready) -> bool {
    let check_id = check.job.import_id;
    let job = ready
        .settings
        .job(upload, check_id, Mode::Validate, &administrator.subject);
    is_same(&check.job, &job)
}

/// Whether two jobs read the same file in the same way.
fn is_same(one: &Job, other: &Job) -> bool {
    let plain = |job: &Job| Job {
        requested_by: None,
        ..job.clone()
    };
    plain(one) == plain(other)
}

fn outdated(upload: &Upload, why: &str) -> Markup {
    html! {
        (notice("wait", why, &html! { p { "No users were created." } }))
        form.go method="post" action={ "/uploads/" (upload.upload_id) "/check" } { button.primary type="submit" { "Check again" } }
    }
}

async fn result(console: &Console, upload: &Upload, check: &Import, ready: &Ready) -> Result<Markup, Error> {
    Ok(match check.state {
        ImportState::Completed => completed(console, upload, check, ready).await?,
        ImportState::Rejected => {
            let message = check
                .rejection
                .as_ref()
                .map(|rejection| rejection.message.as_str());
            html! {
                (notice("bad", "The file would be rejected", &html! {
                    p { (sentence(message.unwrap_or_default())) }
                    p { "No users were created. Change the " a href={ "/uploads/" (upload.upload_id) "/fields" } { "fields" }
                        ", or " a href="/users/create" { "upload another file" } "." }
                }))
                form.go method="post" action={ "/uploads/" (upload.upload_id) "/check" } { button type="submit" { "Check again" } }
            }
        }
        // Until somebody resumes it, which this page will notice.
        _ => html! { div data-refresh="5" { (outdated(upload, "The check could not be finished.")) } },
    })
}

async fn completed(
    console: &Console,
    upload: &Upload,
    check: &Import,
    ready: &Ready,
) -> Result<Markup, Error> {
    let summary = check.summary;
    let refused = console
        .db
        .rows(
            upload.tenant_id,
            check.job.import_id,
            &[Outcome::Error, Outcome::Duplicate],
        )
        .await?;
    let mapping = mapping::map(&ready.file.header, &check.job).ok();
    let records = &ready.file.records;
    let rows: Vec<ProblemRow<'_>> = refused
        .iter()
        .filter_map(|row| {
            // The check numbers rows as the mapping has them; the line is the same for both.
            let record = records.iter().find(|record| record.line == row.line)?;
            Some(ProblemRow {
                row: record.row,
                shown: row.row,
                line: row.line,
                outcome: row.outcome,
                problems: &row.problems,
                cells: &record.cells,
                surplus: &record.surplus.kept,
            })
        })
        .collect();
    let estimate = estimate(console, summary.created).await?;
    let upload_id = upload.upload_id;
    Ok(html! {
        section.counts aria-label="Result of the check" {
            (problems::count("good", summary.created, "Can be created"))
            (problems::count("wait", summary.duplicates, problems::DUPLICATES))
            (problems::count("bad", summary.errors, problems::ERRORS))
        }
        div.card.split {
            div {
                @if summary.created > 0 {
                    h2 { "Ready to import " (counted(summary.created.into(), "user", "users")) }
                    p.hint { (estimate) }
                    @match summary.total.saturating_sub(summary.created) {
                        0 => {},
                        1 => p.hint { "1 row is left out. It is returned in the Error Details, and you can correct it below first." },
                        left_out => p.hint {
                            (thousands(left_out.into())) " rows are left out. They are returned in the Error Details, and you can correct them below first."
                        },
                    }
                } @else {
                    h2 { "No row can be imported as it is" }
                    p.hint { "Correct the rows below, or change the fields." }
                }
            }
            div.actions {
                form method="post" action={ "/uploads/" (upload_id) "/import" } data-without="Import" {
                    input type="hidden" name="check" value=(check.job.import_id);
                    button.primary type="submit" data-yields disabled[summary.created == 0] { "Import Users" @if summary.created > 0 { " (" (summary.created) ")" } }
                }
            }
        }
        @if !rows.is_empty() {
            (problems::table(&format!("/uploads/{upload_id}/corrections"), "Save corrections and check again",
                Some(&upload.object.key), &ready.file.header.names, mapping.as_ref(), &rows))
        }
    })
}

/// How long an import of this many rows takes.
async fn estimate(console: &Console, rows: u32) -> Result<String, Error> {
    let (pace, waiting) = console.db.pace().await?;
    let Some(pace) = pace else {
        return Ok("An import usually takes less than a minute.".to_owned());
    };
    let seconds = (f64::from(rows) / pace).max(1.0);
    let said = match seconds {
        seconds if seconds < 90.0 => format!("about {seconds:.0} s"),
        seconds => format!("about {:.0} min", seconds / 60.0),
    };
    Ok(if waiting > 0 {
        format!(
            "The import will take {said}, and longer while {}.",
            counted(
                waiting,
                "row of another import waits",
                "rows of other imports wait"
            )
        )
    } else {
        format!("The import will take {said}.")
    })
}

/// Checks the file as it stands.
pub(super) async fn again(
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Response, Error> {
    check_as_it_stands(&console, &administrator, &upload).await
}

/// Makes a new file of the corrected cells, and has it checked.
pub(super) async fn correct(
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Response, Error> {
    // Its cells are those of the file that was shown: in another one, these rows hold other people.
    if form.value("file").is_some_and(|file| file != upload.object.key) {
        return Err(Error::Conflict(
            "the file has been corrected in the meantime, perhaps in another tab: your corrections were not saved. Reload \
             the page, and correct what is left"
                .to_owned(),
        ));
    }
    // Nothing is stored that cannot be checked at once.
    console.publisher.link().await?;
    let Some(ready) = ready(&console, &administrator, &upload).await? else {
        return Ok(to_fields(&upload));
    };
    let lines: Vec<Line<'_>> = ready.file.records.iter().map(line).collect();
    let content = corrections::file(&ready.file.header.names, &lines, &corrections::read(&form));
    drop(ready.file);
    let object = store(&console, administrator.tenant_id, &upload, content.into()).await?;
    // The new file is in UTF-8, whatever the first one was.
    let choices = Choices {
        encoding: None,
        ..ready.choices
    };
    replace(&console, &upload, &object, &choices).await?;
    let upload = Upload { object, ..upload };
    let settings = Settings {
        encoding: None,
        ..ready.settings
    };
    begin_check(&console, &administrator, &upload, settings).await
}

fn line(record: &Record) -> Line<'_> {
    Line {
        row: record.row,
        cells: &record.cells,
        surplus: &record.surplus.kept,
    }
}

/// Step 6: the users are created.
pub(super) async fn import(
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Response, Error> {
    let Some(ready) = ready(&console, &administrator, &upload).await? else {
        return Ok(to_fields(&upload));
    };
    // Whoever presses the button has seen a check, and what it checked is what is imported. A second request is the
    // same import.
    let is_checked = match form.value("check") {
        Some(_) if upload.import_id.is_some() => true,
        Some(shown)
            if upload
                .check_id
                .is_some_and(|check_id| check_id.to_string() == shown) =>
        {
            is_checked(&console, &administrator, &upload, &ready).await?
        }
        Some(_) => false,
        None => true,
    };
    if !is_checked {
        return Ok(Redirect::to(&format!("/uploads/{}/check", upload.upload_id)).into_response());
    }
    let header = header_digest(&ready.file);
    drop(ready.file);
    let import_id = start(&console, &administrator, &upload, Mode::Import, ready.settings).await?;
    let choices = Choices {
        encoding: None,
        ..ready.choices
    };
    console
        .db
        .remember(administrator.tenant_id, &header, &choices.to_json())
        .await?;
    Ok(Redirect::to(&format!("/imports/{import_id}")).into_response())
}
