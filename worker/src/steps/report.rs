//! Report: an import without pending rows goes in; both CSVs in storage and the completion event come out.
//!
//! The passwords are made once more, for the success CSV. Once it is in storage their seed is destroyed: from then on
//! that file is the only place where they are.

use shared::{
    contract::{
        Id,
        job::{Mode, tenant_prefix},
        message::ReportDue,
    },
    report::{ErrorRow, SuccessRow, error_csv, success_csv},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    crypto::password::Password,
    db::{Import, State},
    message::Message,
    steps::{Context, Error, batch::open_seed, event},
};

const CSV: &str = "text/csv; charset=utf-8";

/// Writes the reports, unless that has been done, and returns the completion event.
pub async fn report(context: &Context, body: &[u8]) -> Result<Vec<Message>, Error> {
    let due: ReportDue = serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let Some(import) = context
        .db
        .find(due.import_id)
        .await?
        .filter(|import| concerns(import, &due))
    else {
        tracing::info!(import_id = %due.import_id, attempt = due.attempt, "report of an attempt that is over");
        return Ok(Vec::new());
    };
    if import.state == State::Running {
        if import.pending > 0 {
            tracing::warn!(import_id = %due.import_id, pending = import.pending, "report asked for too early");
            return Ok(Vec::new());
        }
        let (success_key, errors_key) = (success_key(&import), errors_key(&import));
        context
            .storage
            .put_secret(&success_key, success(context, &import).await?, CSV)
            .await?;
        crash_point!("success-uploaded");
        context
            .storage
            .put(&errors_key, errors(context, &import).await?, CSV)
            .await?;
        crash_point!("errors-uploaded");
        context.db.complete(&import, &success_key, &errors_key).await?;
        crash_point!("completed");
    }
    let Some(import) = context.db.find(due.import_id).await? else {
        return Ok(Vec::new());
    };
    Ok(event::last(&context.db, &import)
        .await?
        .into_iter()
        .map(Message::event)
        .collect())
}

fn concerns(import: &Import, due: &ReportDue) -> bool {
    import.job.tenant_id == due.tenant_id && import.attempt == due.attempt
}

/// Wiped from memory once it is in storage.
async fn success(context: &Context, import: &Import) -> Result<Zeroizing<Vec<u8>>, Error> {
    let rows = context.db.created_rows(import).await?;
    let passwords: Vec<Option<Password>> = match import.job.mode {
        Mode::Import if !rows.is_empty() => {
            let seed = open_seed(context, import)?;
            rows.iter()
                .map(|row| Some(seed.password(row.row, import.job.password.digits_only)))
                .collect()
        }
        Mode::Import | Mode::Validate => vec![None; rows.len()],
    };
    Ok(Zeroizing::new(success_csv(rows.iter().zip(&passwords).map(
        |(row, password)| SuccessRow {
            user_id: row.user_id,
            username: &row.username,
            email: &row.email,
            virtual_extension: &row.virtual_extension,
            password: password.as_ref().map(Password::expose),
        },
    ))))
}

async fn errors(context: &Context, import: &Import) -> Result<Vec<u8>, Error> {
    let (header, rows) = context.db.refused_rows(import).await?;
    Ok(error_csv(
        &header,
        rows.iter().map(|row| ErrorRow {
            cells: &row.cells,
            row: row.row,
            line: row.line,
            result: row.outcome,
            problems: &row.problems,
        }),
    ))
}

/// Object key of the success CSV of the import's attempt.
pub fn success_key(import: &Import) -> String {
    let [success, _] = keys(import.job.tenant_id, import.job.import_id, import.attempt);
    success
}

/// Object key of the error CSV of the import's attempt.
pub fn errors_key(import: &Import) -> String {
    let [_, errors] = keys(import.job.tenant_id, import.job.import_id, import.attempt);
    errors
}

/// Object keys of both reports of an attempt, the success CSV first.
pub fn keys(tenant_id: Id, import_id: Uuid, attempt: u32) -> [String; 2] {
    ["success.csv", "errors.csv"].map(|name| {
        format!(
            "{}imports/{import_id}/attempt-{attempt}/{name}",
            tenant_prefix(tenant_id)
        )
    })
}
