//! Purging: deletes what is past its retention period, objects first, so that whatever the database has forgotten is
//! gone from storage too.

use shared::contract::Id;
use time::OffsetDateTime;

use super::error::Error;
use crate::{
    db::{Audit, Db, Expired, Stage},
    message::ImportRef,
    storage::{Storage, report_keys},
    words::whole_number,
};

/// How long everything is kept, in days.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(skip)]
pub struct Retention {
    /// Days after which success CSVs are deleted
    #[arg(long, env = "PURGE_SUCCESS_DAYS", value_name = "DAYS", default_value_t = 30)]
    pub success_days: u16,
    /// Days after which rows and error CSVs are deleted
    #[arg(long, env = "PURGE_ROWS_DAYS", value_name = "DAYS", default_value_t = 90)]
    pub rows_days: u16,
    /// Days after which imports are deleted
    #[arg(long, env = "PURGE_IMPORTS_DAYS", value_name = "DAYS", default_value_t = 365)]
    pub imports_days: u16,
    /// Days after which dead letters that were replayed or discarded, and answers to refused jobs, are deleted
    #[arg(long, env = "PURGE_DEAD_DAYS", value_name = "DAYS", default_value_t = 90)]
    pub dead_days: u16,
    /// Days after which entries of the audit trail are deleted; 90 at least
    #[arg(long, env = "PURGE_AUDIT_DAYS", value_name = "DAYS", default_value_t = 730, value_parser = whole_number(90_u16..=u16::MAX))]
    pub audit_days: u16,
}

/// What is old enough to be deleted.
#[derive(Debug)]
pub struct Purge {
    /// Imports whose success CSVs are deleted.
    pub success: Vec<Expired>,
    /// Imports whose rows and error CSVs are deleted.
    pub rows: Vec<Expired>,
    /// Imports that are deleted as a whole.
    pub imports: Vec<Expired>,
    /// The number of dead letters that are deleted.
    pub dead_letters: i64,
    /// The number of requests to cancel imports whose jobs never arrived.
    pub cancellations: i64,
    /// The number of answers to refused jobs.
    pub refusals: i64,
    /// The number of entries of the audit trail; 0 if only one tenant is purged.
    pub audit_entries: i64,
    /// The number of workers that stopped without deregistering; 0 if only one tenant is purged.
    pub workers: i64,
    /// The number of failed imports whose rows are old enough to be deleted, but that are kept.
    pub failed_kept: i64,
    dead_before: OffsetDateTime,
    audit_before: OffsetDateTime,
    tenant_id: Option<Id>,
}

impl Purge {
    /// Looks for what is old enough, of one tenant or of all.
    pub async fn find(db: &Db, retention: Retention, tenant_id: Option<Id>) -> Result<Self, Error> {
        if !db.may_purge().await? {
            return Err(Error::MayNotPurge);
        }
        let now = OffsetDateTime::now_utc();
        let before = |days: u16| now.saturating_sub(time::Duration::days(i64::from(days)));
        let old = async |stage, days| db.expired_imports(stage, before(days), tenant_id).await;
        let imports = old(Stage::Import, retention.imports_days).await?;
        let mut rows = old(Stage::Rows, retention.rows_days).await?;
        let mut success = old(Stage::Success, retention.success_days).await?;
        // What is deleted as a whole need not be deleted in parts.
        rows.retain(|old| !imports.contains(old));
        success.retain(|old| !imports.contains(old));
        let dead_before = before(retention.dead_days);
        let audit_before = before(retention.audit_days);
        let (audit_entries, workers) = match tenant_id {
            None => (db.old_audit_entries(audit_before).await?, db.old_workers().await?),
            Some(_) => (0, 0),
        };
        Ok(Self {
            success,
            rows,
            imports,
            dead_letters: db.old_dead_letters(dead_before, tenant_id).await?,
            cancellations: db.old_cancellations(dead_before, tenant_id).await?,
            refusals: db.old_refusals(dead_before, tenant_id).await?,
            failed_kept: db.old_failures(before(retention.rows_days), tenant_id).await?,
            audit_entries,
            workers,
            dead_before,
            audit_before,
            tenant_id,
        })
    }

    /// Whether nothing is old enough.
    pub fn is_empty(&self) -> bool {
        let imports = [&self.success, &self.rows, &self.imports];
        let others = [
            self.dead_letters,
            self.cancellations,
            self.refusals,
            self.audit_entries,
            self.workers,
        ];
        imports.into_iter().all(Vec::is_empty) && others == [0; 5]
    }

    /// How many rows are deleted, with their imports or alone.
    pub fn row_count(&self) -> u64 {
        let old = self.rows.iter().chain(&self.imports);
        old.map(|old| u64::from(old.rows)).sum()
    }

    /// Removes all of it, except what has been resumed since.
    pub async fn run(&self, db: &Db, storage: &Storage, audit: &Audit) -> Result<(), Error> {
        for (stage, imports) in [
            (Stage::Success, &self.success),
            (Stage::Rows, &self.rows),
            (Stage::Import, &self.imports),
        ] {
            for old in imports {
                if db.is_still_expired(old).await? {
                    delete_reports(storage, stage, old).await?;
                }
                if !db.purge(stage, old, audit).await? {
                    tracing::warn!(import_id = %old.import_id, "the import has been resumed since, kept");
                }
            }
        }
        db.purge_dead_letters(self.dead_before, self.tenant_id, audit)
            .await?;
        db.purge_cancellations(self.dead_before, self.tenant_id).await?;
        db.purge_refusals(self.dead_before, self.tenant_id).await?;
        if self.audit_entries > 0 {
            db.purge_audit(self.audit_before, audit).await?;
        }
        if self.workers > 0 {
            db.purge_workers(audit).await?;
        }
        Ok(())
    }
}

pub(super) async fn delete_reports(storage: &Storage, stage: Stage, old: &Expired) -> Result<(), Error> {
    for attempt in 1..=old.attempt {
        let keys = report_keys(ImportRef {
            import_id: old.import_id,
            tenant_id: old.tenant_id,
            attempt,
        });
        if matches!(stage, Stage::Success | Stage::Import | Stage::Erasure) {
            storage.delete(&keys.success).await?;
        }
        if matches!(stage, Stage::Rows | Stage::Import | Stage::Erasure) {
            storage.delete(&keys.errors).await?;
            if let Some(problems) = &keys.problems {
                storage.delete(problems).await?;
            }
        }
    }
    Ok(())
}
