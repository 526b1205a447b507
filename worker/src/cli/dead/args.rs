//! Which dead letters a command applies to.

use std::time::Duration;

use shared::contract::Id;

use crate::{
    cli::{
        import_id::ImportId,
        list::{ago, tenant},
        operator::{By, OperatorsDatabase},
    },
    db::{Db, DeadFilter, DeadState},
    message::DeadReason,
};

/// How dead letters are chosen.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct FilterArgs {
    /// Only those that were set aside for this reason
    #[arg(long, value_name = "REASON", value_enum)]
    dead_reason: Option<DeadReason>,
    /// Only those of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// Only those of this import: its ID, or a prefix of it
    #[arg(long, value_name = "ID")]
    import: Option<ImportId>,
    /// Only those whose import has been completed, cancelled or rejected since: there is nothing left to do for them
    #[arg(long)]
    over: bool,
    /// Only those set aside longer ago than this: 30s, 10m, 2h, 7d
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Only those set aside more recently than this
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    newer_than: Option<Duration>,
}

impl FilterArgs {
    pub(super) fn is_given(&self) -> bool {
        self.over
            || self.dead_reason.is_some()
            || self.tenant.is_some()
            || self.import.is_some()
            || self.older_than.is_some()
            || self.newer_than.is_some()
    }

    pub(super) async fn filter(
        &self,
        db: &Db,
        dead_letter_id: Option<i64>,
        state: Option<DeadState>,
    ) -> anyhow::Result<DeadFilter> {
        let import_id = match &self.import {
            Some(import_id) => Some(import_id.resolve(db).await?),
            None => None,
        };
        Ok(DeadFilter {
            dead_letter_id,
            state,
            reason: self.dead_reason,
            error: None,
            tenant_id: self.tenant,
            import_id,
            over: self.over,
            before: self.older_than.map(ago).transpose()?,
            since: self.newer_than.map(ago).transpose()?,
        })
    }
}

/// Which open dead letters are changed, and how.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct ChangeArgs {
    /// The dead letter's number, as `dead list` shows it
    #[arg(value_name = "NUMBER", conflicts_with = "all")]
    pub(super) dead_letter_id: Option<i64>,
    /// All open dead letters
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask for confirmation before discarding
    #[arg(long)]
    pub(super) yes: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) by: By,
    #[command(flatten)]
    pub(super) database: OperatorsDatabase,
}
