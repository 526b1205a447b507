//! `user-import reports`: the reports of an import, and how a report is written to a file.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use serde_json::json;
use shared::contract::event::ReportKeys;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::{
    import_id::ImportId,
    operator::{By, OperatorsDatabase, show},
    status::reports_of,
    terminal::print_bytes,
};
use crate::{
    storage::{self, Fetched, MAX_REPORT_BYTES, Storage},
    words::whole_number,
};

/// Options of `reports`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("destination").required(true).args(["out", "print"])))]
#[command(after_help = "\
Writes success.csv, errors.csv and problems.jsonl into the folder, which is created if necessary; only their owner
can read them. Or prints one of them, for a container whose file system is read-only. The success CSV holds temporary
passwords: the audit trail says who fetched it.

Exit codes: 0 written; 2 usage; 1 any other failure, or there are no reports (yet, or any more).

Examples:
  user-import reports 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11 --out reports
  user-import reports 018f6c --print errors >errors.csv")]
pub(super) struct Args {
    /// The import's ID, or a prefix of it
    #[arg(value_name = "ID")]
    import_id: ImportId,
    /// Folder for the reports
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print this report instead, as it is
    #[arg(long, value_name = "REPORT", conflicts_with = "json")]
    print: Option<Report>,
    /// The reports of this attempt [default: the last one]
    #[arg(long, value_name = "N", value_parser = whole_number(1_u32..=u32::MAX))]
    attempt: Option<u32>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    database: OperatorsDatabase,
    #[command(flatten)]
    storage: storage::Options,
}

/// One of an import's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Report {
    /// The success CSV, with the temporary passwords.
    Success,
    /// The error CSV.
    Errors,
    /// All problems as JSON lines.
    Problems,
}

impl Report {
    /// The name in the audit trail.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Errors => "errors",
            Self::Problems => "problems",
        }
    }

    fn key(self, keys: &ReportKeys) -> anyhow::Result<&str> {
        match self {
            Self::Success => Ok(&keys.success),
            Self::Errors => Ok(&keys.errors),
            Self::Problems => keys
                .problems
                .as_deref()
                .context("the attempt was run by an earlier release, which wrote no list of problems"),
        }
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (db, storage) = (args.database.open().await?, Storage::new(&args.storage)?);
    let import = args.import_id.find(&db).await?;
    let import_id = import.job.import_id;
    let attempt = args.attempt.unwrap_or(import.attempt);
    let keys = reports_of(&db, &import, attempt).await?;
    let printed = args.print.map(|report| report.key(&keys)).transpose()?;
    if let Some(out) = &args.out {
        create_folder(out).await?;
    }
    // Before the download, so that nobody fetches passwords unrecorded.
    let details = json!({ "attempt": attempt, "report": args.print.map_or("all", Report::as_str) });
    let about = (import.job.tenant_id.get(), import_id);
    db.record(&args.by.audit("reports"), Some(about), details).await?;
    if let Some(key) = printed {
        print_bytes(&fetch(&storage, key).await?)?;
    }
    if let Some(out) = &args.out {
        download(&storage, &keys, out).await?;
        let value = json!({ "import_id": import_id, "attempt": attempt, "out": out });
        let text = format!("the reports of attempt {attempt} are in {}", out.display());
        show(args.json, &value, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Creates the folder for the reports, unless it exists.
pub(super) async fn create_folder(out: &Path) -> anyhow::Result<()> {
    tokio::fs::create_dir_all(out)
        .await
        .with_context(|| format!("cannot create the folder {}", out.display()))
}

/// Writes the reports into the folder.
pub(super) async fn download(storage: &Storage, keys: &ReportKeys, out: &Path) -> anyhow::Result<()> {
    let problems = keys.problems.as_ref().map(|key| (key, "problems.jsonl"));
    let both = [(&keys.success, "success.csv"), (&keys.errors, "errors.csv")];
    for (key, name) in both.into_iter().chain(problems) {
        let content = fetch(storage, key).await?;
        let path = out.join(name);
        replace(&path, &content)
            .await
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

async fn fetch(storage: &Storage, key: &str) -> anyhow::Result<Bytes> {
    match storage.get(key, MAX_REPORT_BYTES).await? {
        Fetched::Found {
            content: Some(content),
            ..
        } => Ok(content),
        _ => bail!("the report {key:?} is no longer in storage"),
    }
}

/// Writes a new file that only its owner can read, and renames it to the old one's name: an old file would keep its
/// permissions, and a link would lead elsewhere.
async fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension(format!("{}.new", Uuid::new_v4()));
    let written = async {
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        tokio::fs::rename(&new, path).await
    };
    let written = written.await;
    if written.is_err() {
        // It may hold passwords, and nobody would look for it.
        let _ = tokio::fs::remove_file(&new).await;
    }
    written
}
