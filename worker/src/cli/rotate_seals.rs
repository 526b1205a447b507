//! `user-import rotate-seals`.

use std::process::ExitCode;

use serde_json::json;

use super::{
    operator::{By, OperatorsDatabase, show},
    options::seal_keys,
};
use crate::{
    operate::{self, Rotated},
    secret::Secret,
    words::counted,
};

/// Options of `rotate-seals`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
To change the key without stopping:
  1. put the new key first in SEAL_KEYS, the old one behind it (NEW:…,OLD:…);
     restart the workers in turn;
  2. run this command with the same SEAL_KEYS: it seals all open seeds with the first key;
  3. run it once more when all workers have the new ring; once it rotates nothing and nothing
     fails, take the old key out.

Passwords do not change: the seed stays the same, only the key that seals it changes. The seeds
of finished imports are already destroyed.

Exit codes: 0 every open seed is sealed with the first key; 1 some could not be opened, or
anything else failed.")]
pub(super) struct Args {
    /// Keys that seal password seeds, as ID:KEY[,ID:KEY…] with KEY as base64 of 32 bytes; the first one seals, all of
    /// them open
    #[arg(long, env = "SEAL_KEYS", value_name = "KEYS", hide_env_values = true)]
    seal_keys: Secret,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    database: OperatorsDatabase,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let db = args.database.open().await?;
    let ring = seal_keys(&args.seal_keys)?;
    let audit = args.by.audit("rotate-seals");
    let Rotated {
        rotated,
        already,
        failed,
    } = operate::rotate_seals(&db, &ring, &audit).await?;
    let mut text = format!(
        "{} sealed with key {:?}, {already} already were, {} could not be opened",
        counted(rotated, "seed"),
        ring.active_id(),
        failed.len(),
    );
    for (import_id, error) in &failed {
        text.push_str(&format!("\nimport {import_id}: {error}"));
    }
    let failures: Vec<_> = failed
        .iter()
        .map(|(import_id, error)| json!({ "import_id": import_id, "error": error.to_string() }))
        .collect();
    let value =
        json!({ "key": ring.active_id(), "rotated": rotated, "already": already, "failed": failures });
    show(args.json, &value, &text)?;
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
