//! Whether the keys open the seeds of passwords.

use std::collections::BTreeSet;

use super::environment::from_environment;
use crate::{
    checks::Check,
    crypto::seal::{InvalidKeys, KeyRing},
    db::Db,
    secret::Secret,
    words::counted,
};

/// Whether every open seed can be opened with the keys that we have.
pub(super) async fn seal_keys(db: &Db) -> Check {
    const NAME: &str = "seal keys";
    #[derive(clap::Args)]
    #[group(skip)]
    struct Keys {
        #[arg(long, env = "SEAL_KEYS", hide_env_values = true)]
        seal_keys: Secret,
    }
    let keys = from_environment::<Keys>();
    // Parsed here and not by the command line, whose error would show the keys.
    let ring: Result<KeyRing, String> = keys.and_then(|keys| {
        keys.seal_keys
            .expose()
            .parse()
            .map_err(|error: InvalidKeys| error.to_string())
    });
    let ring = match ring {
        Ok(ring) => ring,
        Err(error) => {
            let advice = "set SEAL_KEYS to ID:KEY with KEY as `openssl rand -base64 32` prints it";
            return Check::failed(NAME, error, advice);
        }
    };
    let open = match db.sealed_imports().await {
        Ok(open) => open,
        Err(error) => return Check::failed(NAME, error.to_string(), "see the database"),
    };
    let (mut lost, mut others, mut first_error) = (0, BTreeSet::new(), None);
    for import in &open {
        let Some(sealed) = &import.sealed_seed else {
            continue;
        };
        if let Err(error) = ring.open(sealed, import.seed_owner()) {
            lost += 1;
            first_error.get_or_insert_with(|| format!("import {}: {error}", import.job.import_id));
        } else if sealed.key_id != ring.active_id() {
            others.insert(sealed.key_id.clone());
        }
    }
    if let Some(error) = first_error {
        let advice = "put the named key back behind the first one in SEAL_KEYS of all workers";
        return Check::failed(
            NAME,
            format!(
                "cannot be opened: {lost} of {}; {error}",
                counted(open.len(), "open seed")
            ),
            advice,
        );
    }
    let ids: Vec<&str> = ring.key_ids().collect();
    let found = format!(
        "{}, all open; keys {}, sealing with {}",
        counted(open.len(), "open seed"),
        ids.join(", "),
        ring.active_id(),
    );
    if others.is_empty() {
        Check::ok(NAME, found)
    } else {
        let advice = "user-import rotate-seals seals all seeds with the first key";
        Check::warning(
            NAME,
            format!(
                "{found}; some are sealed with {}",
                others.into_iter().collect::<Vec<_>>().join(", ")
            ),
            advice,
        )
    }
}
