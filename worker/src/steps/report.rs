//! Report: an import without pending rows goes in; both CSVs and the list of problems in storage, and the completion event,
//! come out.
//!
//! The passwords are made once more, for the success CSV. Once it is in storage their seed is destroyed: from then on
//! that file is the only place where they are.

use shared::{
    contract::job::Mode,
    report::{ErrorRow, SuccessRow, error_csv, problem_list, success_csv},
};
use zeroize::Zeroizing;

use super::{Context, Error, Opened, event::rfc3339, open};
use crate::{
    crypto::password::Password,
    db::{self, Import, State},
    message::Message,
    storage::report_keys,
};

const CSV: &str = "text/csv; charset=utf-8";
const JSON_LINES: &str = "application/jsonl; charset=utf-8";

/// Writes the reports and returns the completion event.
pub async fn report(context: &Context, import: Import) -> Result<Vec<Message>, Error> {
    if import.state != State::Running || import.pending > 0 {
        tracing::warn!(
            pending = import.pending,
            "reports requested before every row has its outcome"
        );
        return Ok(Vec::new());
    }
    let keys = report_keys(import.reference());
    let (storage, db) = (&context.storage, &context.db);
    storage
        .put_secret(&keys.success, success(context, &import).await?, CSV)
        .await?;
    crash_point!("success-uploaded");
    let (errors, problems) = refused(context, &import).await?;
    storage.put(&keys.errors, errors.into(), CSV).await?;
    crash_point!("errors-uploaded");
    if let Some(key) = &keys.problems {
        storage.put(key, problems.into(), JSON_LINES).await?;
    }
    if db.complete(&import, &keys).await? {
        context.metrics.ended(if import.is_cancelled() {
            State::Cancelled
        } else {
            State::Completed
        });
    }
    crash_point!("completed");
    match open(context, import.reference()).await? {
        Opened::Over(event) => Ok(event),
        Opened::Running(_) => Ok(Vec::new()),
    }
}

/// Wiped from memory once it is in storage.
async fn success(context: &Context, import: &Import) -> Result<Zeroizing<Vec<u8>>, Error> {
    let rows = context.db.created_rows(import).await?;
    let passwords: Vec<Option<Password>> = match import.job.mode {
        Mode::Import if !rows.is_empty() => {
            let seed = context.open_seed(import)?;
            rows.iter()
                .map(|row| Some(seed.password(row.row, import.job.password.digits_only)))
                .collect()
        }
        Mode::Import | Mode::Validate => vec![None; rows.len()],
    };
    let expiries = rows
        .iter()
        .map(|row| row.password_expires_at.map(rfc3339).transpose());
    let expiries = expiries.collect::<Result<Vec<_>, _>>()?;
    let rows = rows.iter().zip(&passwords).zip(&expiries);
    Ok(Zeroizing::new(success_csv(rows.map(
        |((row, password), expiry)| SuccessRow {
            user_id: row.user_id,
            username: &row.username,
            email: &row.email,
            virtual_extension: &row.virtual_extension,
            password: password.as_ref().map(Password::expose),
            import_row: row.row,
            password_expires: expiry.as_deref(),
        },
    ))))
}

/// The error CSV and the list of problems.
async fn refused(context: &Context, import: &Import) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (header, rows) = context.db.refused_rows(import).await?;
    let rows = rows.iter().map(|row| ErrorRow {
        cells: &row.cells,
        row: row.row,
        line: row.line,
        result: row.outcome,
        problems: &row.problems,
    });
    let problems = problem_list(rows.clone()).map_err(|error| db::Error::corrupt("problems", error))?;
    Ok((error_csv(&header, rows), problems))
}
