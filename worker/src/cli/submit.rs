//! `user-import submit`.

mod job;
pub(super) mod outcome;
mod progress;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use shared::contract::job::{Job, Source};
use uuid::Uuid;

use self::progress::Progress;
use super::{
    follow::{Look, follow},
    reports::create_folder,
};
use crate::{
    broker::{self, Link},
    db::{self, Db, Import},
    operate,
    storage::{self, Storage},
};

/// Larger files are not even uploaded; the workers' own limit is far below.
const MAX_UPLOAD_BYTES: u64 = 64 * 1024 * 1024;

/// Options of `submit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes: 0 all rows created; 3 finished with duplicates or errors; 4 the file was rejected;
2 usage; 1 any other failure; 130 Ctrl-C: the import goes on. Without --wait: 0 when the job is published.

Examples:
  user-import submit users.csv --tenant 1 --set role=10 --generate-extensions --wait
  user-import submit users.csv --tenant 1 --map username=Login --map email='E-Mail' --wait --json --out reports")]
pub(super) struct Args {
    /// The CSV file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    job: job::Args,
    /// ID of the import; submitting the same ID and file again is the same import [default: a random one]
    #[arg(long = "id", value_name = "UUID")]
    import_id: Option<Uuid>,
    /// Show progress until the import has ended, then the summary
    #[arg(long)]
    wait: bool,
    /// Print one line of JSON on standard output: with --wait the completion event's data, else the import's ID
    #[arg(long)]
    json: bool,
    /// Folder for the reports, as success.csv, errors.csv and problems.jsonl; it is created if necessary
    #[arg(long, value_name = "DIR", requires = "wait")]
    out: Option<PathBuf>,
    #[command(flatten)]
    database: db::Options,
    #[command(flatten)]
    broker: broker::Options,
    #[command(flatten)]
    storage: storage::Options,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let import_id = args.import_id.unwrap_or_else(Uuid::new_v4);
    let mut job = args.job.job(import_id)?;
    let content = read(&args.file).await?;
    let storage = Storage::new(&args.storage)?;
    let db = Db::connect(&args.database).await?;
    if !db.has_tenant(job.tenant_id).await? {
        bail!("there is no tenant {}: nothing was uploaded", job.tenant_id);
    }
    storage.check_bucket().await?;
    if let Some(out) = &args.out {
        create_folder(out).await?;
    }
    let uploaded = operate::upload(&storage, job.tenant_id, import_id, content.into()).await?;
    job.source = Source {
        encoding: job.source.encoding,
        ..uploaded
    };
    let submitted = match operate::submit(&db, &job).await {
        Err(taken @ operate::Error::Taken(_)) => bail!("{taken}: use another --id"),
        submitted => submitted?,
    };
    if submitted.is_known {
        tracing::info!(%import_id, "this import was submitted before");
    }
    let link = Link::connect(&args.broker).await?;
    link.publisher().publish(&submitted.messages).await?;

    if !args.wait {
        outcome::published(import_id, args.json)?;
        return Ok(ExitCode::SUCCESS);
    }
    let import = wait(&db, &job).await?;
    outcome::finished(&db, &storage, &import, args.json, args.out.as_deref()).await
}

async fn read(file: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    let name = file.display();
    let size = tokio::fs::metadata(file)
        .await
        .with_context(|| format!("cannot read {name}"))?
        .len();
    if size > MAX_UPLOAD_BYTES {
        bail!("{name} has {size} bytes, more than the maximum of {MAX_UPLOAD_BYTES} for an upload");
    }
    tokio::fs::read(file)
        .await
        .with_context(|| format!("cannot read {name}"))
}

/// Shows progress until the import is final.
async fn wait(db: &Db, job: &Job) -> anyhow::Result<Import> {
    let mut progress = Progress::new()?;
    follow(db, job.import_id, |look| {
        match look {
            Look::Missing => progress.say("waiting for a worker"),
            Look::Found(import) if !import.job.is_same_as(job) => bail!(
                "the import {} exists with another file or other options: use another --id",
                job.import_id
            ),
            Look::Found(import) => progress.show(import),
            Look::Unavailable(error) => progress.say(&error.to_string()),
        }
        Ok(())
    })
    .await
}
