//! `user-import columns`.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use shared::{
    columns::{Columns, Unreadable, inspect},
    file::{self, Encoding},
    limits::Limits,
    rejection::Rejection,
};

use super::{operator::show, options::LimitArgs};
use crate::words::counted;

/// The file is not a CSV file; `submit` ends with the same code for a file that is rejected.
const UNREADABLE: u8 = 4;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Options of `columns`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json, the answer follows shared/schemas/columns.json.

Exit codes: 0 the header could be read, even if an import would reject the file; 4 the file cannot be read as CSV;
2 usage; 1 the file cannot be opened.")]
pub(super) struct Args {
    /// The CSV file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Encoding of the file, as `submit --encoding` declares it
    #[arg(long, value_name = "LABEL")]
    encoding: Option<Encoding>,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let found = read(&args.file, args.encoding, &args.limits.limits())
        .await
        .with_context(|| format!("cannot read {}", args.file.display()))?;
    match &found {
        Ok(columns) => show(args.json, columns, &shown(columns))?,
        Err(rejection) => show(
            args.json,
            &Unreadable {
                rejections: vec![rejection.clone()],
            },
            &rejected(rejection),
        )?,
    }
    Ok(match found {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(UNREADABLE),
    })
}

/// Inspects the file, unless its size alone rules it out.
async fn read(
    path: &Path,
    encoding: Option<Encoding>,
    limits: &Limits,
) -> std::io::Result<Result<Columns, Rejection>> {
    if path == Path::new(STANDARD_INPUT) {
        // Nothing else runs in this command.
        return read_standard_input(encoding, limits);
    }
    let size_bytes = tokio::fs::metadata(path).await?.len();
    if size_bytes > limits.max_file_bytes {
        return Ok(Err(file::too_large(size_bytes, limits)));
    }
    Ok(inspect(&tokio::fs::read(path).await?, encoding, limits))
}

/// Inspects standard input, and keeps no more of it than the largest file may have.
fn read_standard_input(
    encoding: Option<Encoding>,
    limits: &Limits,
) -> std::io::Result<Result<Columns, Rejection>> {
    let (mut input, mut content) = (std::io::stdin().lock(), Vec::new());
    input
        .by_ref()
        .take(limits.max_file_bytes)
        .read_to_end(&mut content)?;
    let more = std::io::copy(&mut input, &mut std::io::sink())?;
    Ok(match more {
        0 => inspect(&content, encoding, limits),
        more => Err(file::too_large(limits.max_file_bytes + more, limits)),
    })
}

/// Names are shown as Rust strings, because they may contain control sequences of a terminal.
fn shown(columns: &Columns) -> String {
    let mut lines = vec![
        format!("{:<12}{}", "encoding", columns.encoding),
        format!("{:<12}{}", "delimiter", columns.delimiter),
        format!("{:<12}line {}", "header", columns.header_line),
        format!("{:<12}{}", "rows", columns.rows),
        format!(
            "{:<12}{} with text only in unmapped columns",
            "ignored",
            counted(columns.ignored_rows, "row")
        ),
    ];
    for column in &columns.columns {
        let field = column
            .field
            .map(|field| format!(" → {field}"))
            .or_else(|| column.resembles.map(|field| format!(" (did you mean {field}?)")))
            .unwrap_or_default();
        lines.push(format!("column {:<5}{:?}{field}", column.number, column.name));
    }
    for conflict in &columns.conflicts {
        let numbers: Vec<String> = conflict.columns.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "{:<12}{}: one of the columns {}",
            "choose",
            conflict.field,
            numbers.join(", ")
        ));
    }
    for field in &columns.missing {
        lines.push(format!("{:<12}{field}", "missing"));
    }
    lines.extend(columns.rejections.iter().map(rejected));
    lines.join("\n")
}

fn rejected(rejection: &Rejection) -> String {
    format!("{:<12}{} ({})", "rejected", rejection.message, rejection.code)
}
