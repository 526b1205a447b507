//! Plan: an import goes in, batches of rows come out. Cheap: nothing is hashed here, and for a row that cannot become a
//! user nothing ever is.

use bytes::Bytes;
use shared::{
    assess,
    contract::{
        event::FileFormat,
        job::{Job, normalized_etag},
    },
    file::{self, Encoding, Upload},
    mapping,
    rejection::{Rejection, RejectionCode},
    row,
};
use time::OffsetDateTime;

use super::{Context, Error, Opened, event, open};
use crate::{
    db::{self, Import, Planned, State},
    message::{Message, RowRange},
    storage::{self, Fetched},
};

/// Plans an import, unless that has been done; returns what is due next.
pub async fn plan(context: &Context, import: Import) -> Result<Vec<Message>, Error> {
    if import.state == State::Received {
        match write_plan(context, &import).await {
            Ok(()) => {}
            Err(NoPlan::Rejected(rejection, format)) => {
                if context.db.reject(import.reference(), &rejection, format).await? {
                    context.metrics.ended(State::Rejected);
                }
            }
            Err(NoPlan::Failed(error)) => return Err(error),
        }
    }
    crash_point!("planned");
    match open(context, import.reference()).await? {
        Opened::Running(import) => next(context, &import).await,
        Opened::Over(event) => Ok(event),
    }
}

/// What is due for a planned import. Called again, it gives the same again, so a crash between the plan's commit and
/// its messages loses nothing.
async fn next(context: &Context, import: &Import) -> Result<Vec<Message>, Error> {
    let (db, reference) = (&context.db, import.reference());
    let planned = Message::event(event::planned(db, import, OffsetDateTime::now_utc()).await?);
    let pending = db.pending_rows(reference).await?;
    if pending.is_empty() {
        // Its message is about to be published, perhaps again, and nothing else would tell the rescue.
        db.note_progress(reference).await?;
        return Ok(vec![planned, Message::Report(reference)]);
    }
    let shard = db
        .assign_shard(import, context.shards(reference.tenant_id))
        .await?;
    if import.sealed_seed.is_none()
        && let Some(sealed) = context.new_seed(import)?
    {
        // A replay whose last attempt has delivered its passwords: operators hold no seal key, so it is made here.
        db.keep_seed(reference, &sealed).await?;
    }
    let batches = pending
        .chunks(context.batch_rows)
        .filter_map(|rows| rows.first().copied().zip(rows.last().copied()));
    let batches = batches.map(|(first, last)| Message::Batch(reference, RowRange { first, last }, shard));
    Ok(std::iter::once(planned).chain(batches).collect())
}

/// Why an import has no plan.
enum NoPlan {
    /// It is rejected as a whole; and how its file was read, if it got that far.
    Rejected(Rejection, Option<FileFormat>),
    /// The step failed.
    Failed(Error),
}

impl NoPlan {
    fn in_file(self, upload: &Upload) -> Self {
        match self {
            Self::Rejected(rejection, _) => {
                let format = FileFormat {
                    encoding: upload.encoding,
                    delimiter: upload.delimiter,
                    ignored_rows: None,
                    ignored_columns: None,
                };
                Self::Rejected(rejection, Some(format))
            }
            Self::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<Rejection> for NoPlan {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection, None)
    }
}

impl From<Error> for NoPlan {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<db::Error> for NoPlan {
    fn from(error: db::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<storage::Error> for NoPlan {
    fn from(error: storage::Error) -> Self {
        Self::Failed(error.into())
    }
}

async fn write_plan(context: &Context, import: &Import) -> Result<(), NoPlan> {
    let content = fetch(context, &import.job).await?;
    let upload = read(context, content, import.job.source.encoding).await?;
    assess(context, import, &upload)
        .await
        .map_err(|no_plan| no_plan.in_file(&upload))
}

/// The uploaded file, if the job may have it and it is the one that the job is about.
async fn fetch(context: &Context, job: &Job) -> Result<Bytes, NoPlan> {
    let (tenant_id, key, source) = (job.tenant_id, &job.source.key, &job.source);
    if !context.db.tenant_exists(tenant_id).await? {
        let message = format!("there is no tenant {tenant_id}: correct tenant_id in the job");
        return Err(Rejection::new(RejectionCode::UnknownTenant, message).into());
    }
    if let Some(rule) = source.broken_key_rule(tenant_id) {
        let message = format!("the object key {rule}: upload the file under another key, and give that key");
        return Err(Rejection::new(RejectionCode::ForeignObject, message).into());
    }
    if source.is_success_report(tenant_id) {
        return Err(file::success_report().into());
    }
    let fetched = context.storage.get(key, context.limits.max_file_bytes).await?;
    let Fetched::Found {
        content,
        size_bytes,
        etag,
    } = fetched
    else {
        let message = format!("the uploaded file {key:?} is not in the storage (any more): upload it again");
        return Err(Rejection::new(RejectionCode::ObjectMissing, message).into());
    };
    let expected = source.etag.as_deref().map(normalized_etag);
    let changed = expected.is_some_and(|expected| etag.as_ref() != Some(&expected))
        || source.size_bytes.is_some_and(|expected| expected != size_bytes);
    if changed {
        let message = "the file was changed after it was uploaded: upload it again".to_owned();
        return Err(Rejection::new(RejectionCode::ObjectChanged, message).into());
    }
    Ok(content.ok_or_else(|| file::too_large(size_bytes, &context.limits))?)
}

/// A file of the largest size takes long enough to be noticed by the other tasks of this thread.
async fn read(context: &Context, content: Bytes, encoding: Option<Encoding>) -> Result<Upload, NoPlan> {
    let limits = context.limits;
    let read = tokio::task::spawn_blocking(move || file::read(&content, encoding, &limits));
    let upload = read
        .await
        .map_err(|_| Error::Panicked("the reading of a file".to_owned()))?;
    Ok(upload?)
}

/// Assesses every row against what the tenant has, and writes the plan in the same transaction.
async fn assess(context: &Context, import: &Import, upload: &Upload) -> Result<(), NoPlan> {
    let job = &import.job;
    let mapping = mapping::map(&upload.header, job)?;
    let file = upload.records(|column| mapping.is_mapped(column))?;
    let too_many = file::check_row_count(&file, &context.limits);
    // Rows of a file that is rejected anyway are not looked at; values for all rows come first in the order of reasons.
    let candidates = if too_many.is_ok() {
        row::read(&file, &mapping, job)
    } else {
        Vec::new()
    };
    let sealed_seed = context.new_seed(import)?;
    let Some(mut planning) = context.db.begin_planning(import).await? else {
        return Ok(());
    };
    let tenant = planning.look_up(&row::lookups(&candidates, job)).await?;
    if let Err(rejection) = assess::check_fixed_values(job, &tenant).and(too_many) {
        planning.abandon().await?;
        return Err(rejection.into());
    }
    let rows = assess::assess(candidates, &tenant);
    let any_pending = rows
        .iter()
        .any(|row| matches!(row.assessment, assess::Assessment::Valid(_)));
    let planned = Planned {
        file: &file,
        ignored_columns: mapping.ignored_columns(&file.header),
        rows: &rows,
        sealed_seed: sealed_seed.filter(|_| any_pending),
    };
    let outcomes = planning.commit(planned, job.mode).await?;
    context.metrics.rows(&outcomes);
    Ok(())
}
