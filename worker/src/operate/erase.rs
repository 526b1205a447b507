//! Erasing: deletes what we hold of a tenant, whatever its age. Its users belong to the Dialer.

use shared::contract::Id;
use time::OffsetDateTime;

use super::{error::Error, purge::delete_reports};
use crate::{
    db::{Audit, Db, Expired, Stage},
    storage::Storage,
};

/// What is erased of a tenant.
#[derive(Debug)]
pub struct Erasure {
    /// Its imports, each with its rows, reports, uploaded file and dead letters.
    pub imports: Vec<Expired>,
    tenant_id: Id,
}

impl Erasure {
    /// Looks for all that there is; refuses while imports are under way.
    pub async fn find(db: &Db, tenant_id: Id) -> Result<Self, Error> {
        if !db.may_purge().await? {
            return Err(Error::MayNotPurge);
        }
        let under_way = db.under_way(tenant_id).await?;
        if under_way > 0 {
            return Err(Error::UnderWay {
                imports: under_way,
                tenant_id,
            });
        }
        let now = OffsetDateTime::now_utc();
        Ok(Self {
            imports: db.expired_imports(Stage::Erasure, now, Some(tenant_id)).await?,
            tenant_id,
        })
    }

    /// How many rows are erased.
    pub fn row_count(&self) -> u64 {
        self.imports.iter().map(|old| u64::from(old.rows)).sum()
    }

    /// Erases all of it, except what has been resumed since; returns how many dead letters were erased besides those of
    /// the imports.
    pub async fn run(&self, db: &Db, storage: &Storage, audit: &Audit) -> Result<u64, Error> {
        for old in &self.imports {
            if !db.is_still_expired(old).await? {
                tracing::warn!(import_id = %old.import_id, "the import has been resumed since, kept");
                continue;
            }
            delete_reports(storage, Stage::Erasure, old).await?;
            // Whoever made the job may have named any key; only the tenant's own are deleted.
            if old.source.is_of_tenant(self.tenant_id) {
                storage.delete(&old.source.key).await?;
            }
            if !db.purge(Stage::Erasure, old, audit).await? {
                tracing::warn!(import_id = %old.import_id, "the import has been resumed since, kept");
            }
        }
        for key in db.uploaded_objects(self.tenant_id).await? {
            storage.delete(&key).await?;
        }
        db.erase_console(self.tenant_id).await?;
        let now = OffsetDateTime::now_utc();
        db.purge_cancellations(now, Some(self.tenant_id)).await?;
        db.purge_refusals(now, Some(self.tenant_id)).await?;
        Ok(db.erase_dead_letters(self.tenant_id, audit).await?)
    }
}
