//! Steps 3 to 5: where each field comes from, how users log in, and what they may do. What is chosen is saved at once,
//! complete or not, so that neither going back nor a session that ends loses it.

mod form;
mod settings;

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use shared::field::Field;

use self::form::FieldsForm;
use super::{
    ready::{begin_check, header_digest, whole},
    steps::{Step, steps},
};
use crate::{
    console::{
        access::{OwnUpload, Visitor},
        api::changed,
        choices::{Choices, Missing},
        error::Error,
        form::Fields,
        inspect::{Inspected, inspect},
        pages::{
            layout::{Place, page},
            parts::{notice, sentence},
        },
        state::Console,
    },
    db::{Bearer, TenantLists, Upload},
};

pub(in crate::console::pages) async fn show(
    visitor: Visitor,
    OwnUpload { upload, .. }: OwnUpload,
    State(console): State<Arc<Console>>,
) -> Result<Response, Error> {
    if let Some(import_id) = upload.import_id {
        return Ok(Redirect::to(&format!("/imports/{import_id}")).into_response());
    }
    let stored = Choices::stored(&upload.choices);
    let Ok(file) = inspect(&console, &upload, stored.encoding).await? else {
        // That page says what is wrong with it.
        return Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)).into_response());
    };
    let lists = tenant(&console, &upload).await?;
    let choices = current(&console, &upload, stored, &file, &lists).await?;
    Ok(render(&visitor.bearer, &upload, &file, &lists, &choices, &[], None).into_response())
}

async fn tenant(console: &Console, upload: &Upload) -> Result<TenantLists, Error> {
    let lists = console.db.tenant_lists(upload.tenant_id).await?;
    lists.ok_or(Error::NotFound("tenant"))
}

/// What was chosen, otherwise what was chosen for an earlier file with the same header, otherwise what the header says.
async fn current(
    console: &Console,
    upload: &Upload,
    stored: Choices,
    file: &Inspected,
    lists: &TenantLists,
) -> Result<Choices, Error> {
    if stored.chosen {
        return Ok(stored);
    }
    let remembered = console
        .db
        .remembered(upload.tenant_id, &header_digest(file))
        .await?;
    let suggested = Choices::suggested(file, lists, stored.encoding);
    Ok(match remembered {
        Some(value) => Choices {
            remembered: true,
            encoding: stored.encoding,
            ..Choices::stored(&value).fitted(file, suggested)
        },
        None => suggested,
    })
}

/// Saves what was chosen; and has the file checked, if asked to and if nothing is missing.
pub(in crate::console::pages) async fn save(
    visitor: Visitor,
    OwnUpload {
        administrator,
        upload,
    }: OwnUpload,
    State(console): State<Arc<Console>>,
    form: Fields,
) -> Result<Response, Error> {
    let action = form.value("action");
    let stored = Choices::stored(&upload.choices);
    let here = format!("/uploads/{}/fields", upload.upload_id);
    if action == Some("forget") {
        let fresh = Choices {
            encoding: stored.encoding,
            ..Choices::default()
        };
        let Ok(file) = inspect(&console, &upload, stored.encoding).await? else {
            return Ok(Redirect::to(&here).into_response());
        };
        let suggested = Choices::suggested(&file, &tenant(&console, &upload).await?, fresh.encoding);
        let suggested = Choices {
            chosen: true,
            ..suggested
        };
        changed(console.db.choose(&upload, &suggested.to_json()).await?)?;
        return Ok(Redirect::to(&here).into_response());
    }
    // The form changes what it showed.
    let before = if stored.chosen {
        stored
    } else {
        match inspect(&console, &upload, stored.encoding).await? {
            Ok(file) => {
                let lists = tenant(&console, &upload).await?;
                current(&console, &upload, stored, &file, &lists).await?
            }
            Err(_) => stored,
        }
    };
    let choices = Choices::read(&form, before);
    changed(console.db.choose(&upload, &choices.to_json()).await?)?;
    if action != Some("check") {
        return Ok(Redirect::to(&here).into_response());
    }
    let Ok(file) = inspect(&console, &upload, choices.encoding).await? else {
        return Ok(Redirect::to(&format!("/uploads/{}", upload.upload_id)).into_response());
    };
    match whole(&choices, &file, &administrator, &upload) {
        Ok(settings) => {
            drop(file);
            begin_check(&console, &administrator, &upload, settings).await
        }
        Err((missing, refused)) => {
            let lists = tenant(&console, &upload).await?;
            let page = render(
                &visitor.bearer,
                &upload,
                &file,
                &lists,
                &choices,
                &missing,
                refused.as_deref(),
            );
            Ok((axum::http::StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

fn render(
    bearer: &Bearer,
    upload: &Upload,
    file: &Inspected,
    lists: &TenantLists,
    choices: &Choices,
    missing: &[Missing],
    refused: Option<&str>,
) -> Markup {
    let form = FieldsForm {
        file,
        lists,
        choices,
        missing,
    };
    let content = html! {
        a.back href={ "/uploads/" (upload.upload_id) } { "← File" }
        div.title { h1 { "Map the fields" } span.hint { (upload.file_name) } }
        (steps(Step::Fields, Some(upload.upload_id)))
        @if let Some(refused) = refused {
            (notice("bad", "These fields conflict", &html! { p { (sentence(refused)) } }))
        }
        @if !missing.is_empty() {
            (notice("bad", "Something is missing", &html! { p { "See the messages in red next to the fields below." } }))
        }
        @if choices.remembered {
            (notice("run", "Filled in from your last file with this header", &html! {
                form method="post" { input type="hidden" name="action" value="forget"; button.quiet type="submit" { "Start from the header instead" } }
            }))
        }
        form id="fields" method="post" action={ "/uploads/" (upload.upload_id) "/fields" } data-live {
            section.card {
                h2 { "Required fields" }
                (form.column(Field::Username, "Username", true, "The login name."))
                (form.column(Field::Email, "Email", true, "One address for each user."))
                (form.extension())
                (form.list(Field::Role, "Role", true, &lists.roles))
                (form.sip())
            }
            section.card { (form.two_factor()) (form.security()) }
            section.card {
                h2 { "Optional fields" }
                (form.list(Field::Desks, "Desks", false, &lists.desks))
                (form.list(Field::SkillGroups, "Skill Groups", false, &lists.skill_groups))
                (form.list(Field::Tags, "Tags", false, &lists.tags))
                (form.column(Field::FirstName, "First Name", false, "Shown next to the username."))
                (form.column(Field::LastName, "Last Name", false, "Shown next to the username."))
            }
            section.card {
                label.choice {
                    input type="checkbox" name="digits_only" value="on" checked[choices.digits_only];
                    span { "Generate user passwords with digits only (not recommended)"
                        span.hint.block { "For IP phones and softphones that accept only digits. Such passwords are easier to guess." } }
                }
            }
            div.go.sticky {
                span.hint { @if choices.chosen { span data-saved { "Saved. " } } "No users are created yet." }
                // With the script, every change is saved at once.
                noscript { button type="submit" name="action" value="save" { "Save" } }
                button.primary type="submit" name="action" value="check" { "Check the file" }
            }
        }
    };
    page(bearer, Place::Users, "Map the fields", &content)
}
