//! Seal keys: a ring goes in; every seed that can be opened is sealed with its first key afterwards. No seed changes, so no
//! password does.

use serde_json::json;
use uuid::Uuid;

use super::error::Error;
use crate::{
    crypto::seal::{self, KeyRing},
    db::{Audit, Db},
};

/// What was done with the open seeds.
#[derive(Debug, Default)]
pub struct Rotated {
    /// Seeds that were sealed again.
    pub rotated: u32,
    /// Seeds that were sealed with the first key already.
    pub already: u32,
    /// Imports whose seed could not be opened or sealed, and why.
    pub failed: Vec<(Uuid, seal::Error)>,
}

/// Seals all seeds with the first key of the ring.
pub async fn rotate_seals(db: &Db, ring: &KeyRing, audit: &Audit) -> Result<Rotated, Error> {
    let mut done = Rotated::default();
    for import in db.sealed_imports().await? {
        let Some(old) = &import.sealed_seed else { continue };
        if old.key_id == ring.active_id() {
            done.already += 1;
            continue;
        }
        let owner = import.seed_owner();
        match ring.open(old, owner).and_then(|seed| ring.seal(&seed, owner)) {
            // A seed that has gone in the meantime needs no other key.
            Ok(new) => done.rotated += u32::from(db.replace_seed(&import, old, &new).await?),
            Err(error) => done.failed.push((import.job.import_id, error)),
        }
    }
    if done.rotated > 0 {
        let details =
            json!({ "key": ring.active_id(), "rotated": done.rotated, "failed": done.failed.len() });
        db.record(audit, None, details).await?;
    }
    Ok(done)
}
