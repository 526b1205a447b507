//! An upload with all that is chosen for it: whether it is complete, and having it checked.

use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};
use sha2::{Digest as _, Sha256};
use shared::{contract::job::Mode, mapping, names};
use uuid::Uuid;

use crate::{
    console::{
        access::Administrator,
        choices::{Choices, Missing},
        error::Error,
        imports::{Settings, start},
        inspect::{Inspected, inspect},
        state::Console,
    },
    db::{Digest, Upload},
};

/// The file as it stands with what was chosen, if that is complete.
pub(super) struct Ready {
    pub(super) choices: Choices,
    pub(super) file: Inspected,
    pub(super) settings: Settings,
}

/// What is wrong with the mapping: what is missing, and what the worker would refuse.
pub(super) type Incomplete = (Vec<Missing>, Option<String>);

pub(super) async fn ready(
    console: &Console,
    administrator: &Administrator,
    upload: &Upload,
) -> Result<Option<Ready>, Error> {
    let choices = Choices::stored(&upload.choices);
    let Ok(file) = inspect(console, upload, choices.encoding).await? else {
        return Ok(None);
    };
    let settings = whole(&choices, &file, administrator, upload).ok();
    Ok(settings.map(|settings| Ready {
        choices,
        file,
        settings,
    }))
}

/// The settings, if nothing is missing, and if the worker would not refuse the mapping.
pub(super) fn whole(
    choices: &Choices,
    file: &Inspected,
    administrator: &Administrator,
    upload: &Upload,
) -> Result<Settings, Incomplete> {
    let settings = choices.settings().map_err(|missing| (missing, None))?;
    let job = settings.job(upload, Uuid::nil(), Mode::Validate, &administrator.subject);
    match mapping::map(&file.header, &job) {
        Ok(_) => Ok(settings),
        Err(rejection) => Err((Vec::new(), Some(rejection.message))),
    }
}

/// Identifies a header: its names in their order, as they are compared.
pub(super) fn header_digest(file: &Inspected) -> Digest {
    let mut hasher = Sha256::new();
    for name in &file.header.names {
        hasher.update(names::normalise(name).as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().into()
}

/// Has the file checked, and shows the progress of that.
pub(super) async fn begin_check(
    console: &Arc<Console>,
    administrator: &Administrator,
    upload: &Upload,
    settings: Settings,
) -> Result<Response, Error> {
    start(console, administrator, upload, Mode::Validate, settings).await?;
    Ok(Redirect::to(&format!("/uploads/{}/check", upload.upload_id)).into_response())
}

/// Has the file checked as it stands; if something is missing, leads to the fields first.
pub(super) async fn check_as_it_stands(
    console: &Arc<Console>,
    administrator: &Administrator,
    upload: &Upload,
) -> Result<Response, Error> {
    let Some(Ready { settings, file, .. }) = ready(console, administrator, upload).await? else {
        return Ok(to_fields(upload));
    };
    // Others read theirs while this one waits for the broker.
    drop(file);
    begin_check(console, administrator, upload, settings).await
}

/// The page on which something is missing before anything can be checked.
pub(super) fn to_fields(upload: &Upload) -> Response {
    Redirect::to(&format!("/uploads/{}/fields", upload.upload_id)).into_response()
}
