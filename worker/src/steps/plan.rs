//! Plan: an import goes in, batches of rows come out. Cheap: no row is hashed here, and a row that cannot become a user
//! never will be.

use shared::{
    assess,
    contract::{
        Version,
        job::{Job, Mode, tenant_prefix},
        message::{PlanDue, ReportDue, RowsDue},
    },
    file::{self, Delimiter, Encoding, SourceFile},
    mapping,
    rejection::{Rejection, RejectionCode},
    row,
};

use crate::{
    crypto::{
        password::Seed,
        seal::{Owner, SealedSeed},
    },
    db::{Import, Planned, State},
    message::Message,
    steps::{Context, Error, event},
    storage::Fetched,
};

/// What reading a file gives: the file, or why it is refused and how it was read so far.
type Read<T> = Result<T, (Rejection, Option<(Encoding, Delimiter)>)>;

/// Plans an import, unless that has been done; returns what is due next.
pub async fn plan(context: &Context, body: &[u8]) -> Result<Vec<Message>, Error> {
    let due: PlanDue = serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let Some(import) = find(context, &due).await? else {
        tracing::info!(import_id = %due.import_id, attempt = due.attempt, "plan of an attempt that is over");
        return Ok(Vec::new());
    };
    if import.state == State::Received
        && let Err((rejection, format)) = draft(context, &import).await?
    {
        context.db.reject(due.import_id, &rejection, format).await?;
    }
    crash_point!("planned");
    next(context, &due).await
}

async fn find(context: &Context, due: &PlanDue) -> Result<Option<Import>, Error> {
    let import = context.db.find(due.import_id).await?;
    Ok(import.filter(|import| import.job.tenant_id == due.tenant_id && import.attempt == due.attempt))
}

/// What is due for an import as it stands. Asked again it gives the same again, so a crash between the plan's commit and
/// its messages loses nothing.
async fn next(context: &Context, due: &PlanDue) -> Result<Vec<Message>, Error> {
    let Some(import) = find(context, due).await? else {
        return Ok(Vec::new());
    };
    if import.state != State::Running {
        return Ok(event::last(&context.db, &import)
            .await?
            .into_iter()
            .map(Message::event)
            .collect());
    }
    let pending = context.db.pending_rows(due.tenant_id, due.import_id).await?;
    if pending.is_empty() {
        // Its message is about to be published, perhaps anew, and nothing else would tell the rescue.
        context.db.note_progress(due.tenant_id, due.import_id).await?;
        return Ok(vec![Message::Report(report_due(&import))]);
    }
    let shard = context
        .db
        .assign_shard(&import, context.shards(due.tenant_id))
        .await?;
    if import.sealed_seed.is_none()
        && let Some(sealed) = seal_new_seed(context, &import)?
    {
        // A replay whose last attempt has delivered its passwords: operators hold no seal key, so it is made here.
        context.db.keep_seed(&import, &sealed).await?;
    }
    let batches = pending
        .chunks(context.batch_rows)
        .filter_map(|rows| rows.first().zip(rows.last()));
    Ok(batches
        .map(|(first, last)| Message::Batch(rows_due(&import, *first, *last), shard))
        .collect())
}

/// Reads and assesses the file and writes the plan.
async fn draft(context: &Context, import: &Import) -> Result<Read<()>, Error> {
    let job = &import.job;
    let content = match fetch(context, job).await? {
        Ok(content) => content,
        Err(rejection) => return Ok(Err((rejection, None))),
    };
    let limits = context.limits;
    // A file of the largest size takes long enough to be noticed by the other tasks of this thread.
    let read = tokio::task::spawn_blocking(move || file::read(&content, &limits));
    let file = match read
        .await
        .map_err(|_| Error::Panicked("a file that was read".to_owned()))?
    {
        Ok(file) => file,
        Err(rejection) => return Ok(Err((rejection, None))),
    };
    let written = assess(context, import, &file).await?;
    Ok(written.map_err(|rejection| (rejection, Some((file.encoding, file.delimiter)))))
}

/// The uploaded file, if the job may have it and it is the one that the job is about.
async fn fetch(context: &Context, job: &Job) -> Result<Result<bytes::Bytes, Rejection>, Error> {
    let reject = |code, message: String| Ok(Err(Rejection::new(code, message)));
    if !context.db.tenant_exists(job.tenant_id).await? {
        let message = format!(
            "there is no tenant {}: correct tenant_id in the job",
            job.tenant_id
        );
        return reject(RejectionCode::UnknownTenant, message);
    }
    if !job.source.is_of_tenant(job.tenant_id) {
        let prefix = tenant_prefix(job.tenant_id);
        let message =
            format!("the object key does not lie under {prefix}: upload the file there and give that key");
        return reject(RejectionCode::ForeignObject, message);
    }
    let key = &job.source.key;
    let Fetched::Found {
        content,
        size_bytes,
        etag,
    } = context.storage.get(key, context.limits.max_file_bytes).await?
    else {
        return reject(
            RejectionCode::ObjectMissing,
            format!("there is no object {key:?}: upload the file first"),
        );
    };
    let expected = job.source.etag.as_deref().map(|etag| etag.trim_matches('"'));
    let changed = expected.is_some_and(|expected| etag.as_deref() != Some(expected))
        || job
            .source
            .size_bytes
            .is_some_and(|expected| expected != size_bytes);
    if changed {
        let message = "the file was changed after the job was made: import it again";
        return reject(RejectionCode::ObjectChanged, message.to_owned());
    }
    match content {
        Some(content) => Ok(Ok(content)),
        None => Ok(Err(file::too_large(size_bytes, &context.limits))),
    }
}

/// Assesses every row against what the tenant has, and writes the plan in the same transaction.
async fn assess(
    context: &Context,
    import: &Import,
    file: &SourceFile,
) -> Result<Result<(), Rejection>, Error> {
    let job = &import.job;
    let mapping = match mapping::map(file, job) {
        Ok(mapping) => mapping,
        Err(rejection) => return Ok(Err(rejection)),
    };
    let too_many = file::check_row_count(file, &context.limits);
    // Rows of a file that is refused anyway are not looked at; values for all rows come first in the order of reasons.
    let candidates = if too_many.is_ok() {
        row::read(file, &mapping, job)
    } else {
        Vec::new()
    };
    let sealed_seed = seal_new_seed(context, import)?;
    let Some(mut planning) = context.db.begin_planning(import).await? else {
        return Ok(Ok(()));
    };
    let tenant = planning.look_up(&row::lookups(&candidates, job)).await?;
    if let Err(rejection) = assess::check_fixed_values(job, &tenant).and(too_many) {
        planning.abandon().await?;
        return Ok(Err(rejection));
    }
    let rows = assess::assess(candidates, &tenant);
    let any_pending = rows
        .iter()
        .any(|row| matches!(row.assessment, assess::Assessment::Valid(_)));
    let planned = Planned {
        file,
        rows: &rows,
        sealed_seed: sealed_seed.filter(|_| any_pending),
    };
    planning.commit(planned, job.mode).await?;
    Ok(Ok(()))
}

/// A new seed for the passwords of the import's attempt; none if it makes no users.
fn seal_new_seed(context: &Context, import: &Import) -> Result<Option<SealedSeed>, Error> {
    match import.job.mode {
        Mode::Validate => Ok(None),
        Mode::Import => {
            let owner = Owner {
                import_id: import.job.import_id,
                tenant_id: import.job.tenant_id,
                attempt: import.attempt,
            };
            Ok(Some(context.seals.seal(&Seed::generate()?, owner)?))
        }
    }
}

fn rows_due(import: &Import, first_row: u32, last_row: u32) -> RowsDue {
    RowsDue {
        version: Version,
        import_id: import.job.import_id,
        tenant_id: import.job.tenant_id,
        attempt: import.attempt,
        first_row,
        last_row,
    }
}

/// The message that asks for the reports of an import.
pub fn report_due(import: &Import) -> ReportDue {
    ReportDue {
        version: Version,
        import_id: import.job.import_id,
        tenant_id: import.job.tenant_id,
        attempt: import.attempt,
    }
}
