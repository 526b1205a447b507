//! Imports as the console makes and shows them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use shared::{
    contract::{
        Id, Version,
        event::Summary,
        job::{self, Fields, Job, Mode, PasswordOptions, Security, Sip, Source, TwoFactor},
    },
    file::{Delimiter, Encoding},
    rejection::RejectionCode,
};
use uuid::Uuid;

use super::{access::Administrator, error::Error, state::Console};
use crate::{
    db::{Import, State, Upload},
    operate,
    steps::event::rfc3339,
};

/// What a job says besides its file, in the contract's own types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Settings {
    /// The encoding of the file, if it is to be declared.
    pub(super) encoding: Option<Encoding>,
    /// Where the value of each field comes from.
    pub(super) fields: Fields,
    /// How all users make calls.
    pub(super) sip: Sip,
    /// Their two-factor authentication.
    pub(super) two_factor: TwoFactor,
    /// Their session limits.
    pub(super) security: Security,
    /// How their passwords are made.
    pub(super) password: PasswordOptions,
}

impl Settings {
    /// The job that imports an upload with these settings.
    pub(super) fn job(&self, upload: &Upload, import_id: Uuid, mode: Mode, requested_by: &str) -> Job {
        Job {
            version: Version,
            import_id,
            tenant_id: upload.tenant_id,
            requested_by: Some(requested_by.to_owned()),
            mode,
            source: Source {
                key: upload.object.key.clone(),
                etag: upload.object.etag.clone(),
                size_bytes: Some(upload.object.size_bytes),
                encoding: self.encoding,
            },
            fields: self.fields.clone(),
            sip: self.sip,
            two_factor: self.two_factor,
            security: self.security,
            password: self.password,
        }
    }
}

/// Publishes the job of an upload, as the Dialer would, and says which import that is. An upload becomes one import,
/// however often it is requested; each check of it is a new one.
pub(super) async fn start(
    console: &Arc<Console>,
    administrator: &Administrator,
    upload: &Upload,
    mode: Mode,
    settings: Settings,
) -> Result<Uuid, Error> {
    // First check what a worker would refuse, and the broker, so that nothing is recorded that cannot be accepted or
    // sent.
    check(&settings.job(upload, Uuid::new_v4(), mode, &administrator.subject))?;
    console.publisher.link().await?;
    let import_id = match mode {
        Mode::Import => {
            let claimed = console.db.claim_import(upload, Uuid::new_v4()).await?;
            claimed.ok_or_else(|| {
                Error::Conflict("the file has been changed in the meantime: check it again".to_owned())
            })?
        }
        Mode::Validate => Uuid::new_v4(),
    };
    let job = settings.job(upload, import_id, mode, &administrator.subject);
    let submitted = match operate::submit(&console.db, &job).await {
        // It was already requested, by somebody else or with other settings: that is the import.
        Err(operate::Error::Taken(import_id)) => return Ok(import_id),
        submitted => submitted?,
    };
    console.publisher.publish(&submitted.messages).await?;
    if mode == Mode::Validate {
        console.db.set_check(upload, import_id).await?;
    }
    Ok(import_id)
}

/// Whether a worker would take the job.
fn check(job: &Job) -> Result<(), Error> {
    let body = serde_json::to_vec(job).map_err(|error| Error::Internal(error.into()))?;
    match job::parse(&body) {
        Ok(_) => Ok(()),
        Err(invalid) => Err(Error::Invalid(invalid.to_string())),
    }
}

/// An import as a tenant's administrator sees it, and operators too: it holds no cell of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ImportView {
    pub(super) import_id: Uuid,
    pub(super) tenant_id: Id,
    pub(super) state: State,
    /// Whether it only checks the file.
    pub(super) mode: Mode,
    /// 1 for the first run, one more for each replay.
    pub(super) attempt: u32,
    pub(super) summary: Summary,
    /// Rows without an outcome.
    pub(super) pending: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requested_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delimiter: Option<Delimiter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejection: Option<RejectionView>,
    /// Whether both reports can be downloaded.
    pub(super) has_reports: bool,
    pub(super) received_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<String>,
}

/// Why an import was rejected as a whole.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RejectionView {
    pub(super) code: RejectionCode,
    pub(super) message: String,
}

/// Who looks at an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Viewer {
    /// Its tenant, who may see names of columns.
    Tenant,
    /// Operators, who may not.
    Operators,
}

impl ImportView {
    pub(super) fn of(import: &Import, eyes: Viewer) -> Result<Self, Error> {
        let rejection = import.rejection.as_ref().map(|rejection| RejectionView {
            code: rejection.code,
            message: match eyes {
                Viewer::Tenant => rejection.message.clone(),
                Viewer::Operators => rejection.event_message().to_owned(),
            },
        });
        Ok(Self {
            import_id: import.job.import_id,
            tenant_id: import.job.tenant_id,
            state: import.state,
            mode: import.job.mode,
            attempt: import.attempt,
            summary: import.summary,
            pending: import.pending,
            requested_by: import.job.requested_by.clone(),
            encoding: import.format.as_ref().map(|format| format.encoding),
            delimiter: import.format.as_ref().map(|format| format.delimiter),
            rejection,
            has_reports: has_reports(import),
            received_at: rfc3339(import.received_at)?,
            finished_at: import.finished_at.map(rfc3339).transpose()?,
        })
    }
}

/// Whether the reports of the last attempt are in storage, unless they were purged.
pub(super) fn has_reports(import: &Import) -> bool {
    matches!(import.state, State::Completed | State::Cancelled) && import.planned_at.is_some()
}
