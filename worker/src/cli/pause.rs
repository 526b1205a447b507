//! `user-import pause` and `user-import resume`.

use std::process::ExitCode;

use serde_json::json;
use shared::contract::Id;

use super::{
    list::tenant,
    operator::{By, OperatorsDatabase, show},
};
use crate::{operate, policy};

/// Options that `pause` and `resume` share.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct Scope {
    #[command(flatten)]
    whose: Whose,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    database: OperatorsDatabase,
}

/// Whose imports.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// The imports of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// The imports of all tenants
    #[arg(long)]
    all: bool,
}

/// Options of `pause`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What happens: workers finish what they have begun, within seconds. Then no file is read and no user
is created. Jobs are still received, `list` and `status` show the imports, and `cancel` works.
Nothing is lost and nothing fails, however long the pause lasts: `resume` ends it. `doctor` and the
metric user_import_pauses are reminders of it. Workers of a release without `pause` ignore it.

Exit codes: 0 paused, or already paused; 2 usage; 1 any other failure.

Examples:
  user-import pause --tenant 42 --reason 'their PBX is being moved'
  user-import pause --all --reason 'upgrade of the Dialer'")]
pub(super) struct PauseArgs {
    #[command(flatten)]
    scope: Scope,
}

/// Options of `resume`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The imports continue by themselves, within half a minute. A pause of all tenants and one of a single
tenant are ended separately.

Exit codes: 0 resumed, or not paused; 2 usage; 1 any other failure.

Example:
  user-import resume --tenant 42")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    scope: Scope,
}

impl Scope {
    fn name(&self) -> String {
        self.whose.tenant.map_or_else(
            || "all tenants".to_owned(),
            |tenant_id| format!("tenant {tenant_id}"),
        )
    }

    fn show(&self, changed: bool, text: &str) -> anyhow::Result<ExitCode> {
        let value = json!({ "tenant_id": self.whose.tenant, "changed": changed });
        show(self.json, &value, text)?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) async fn pause(PauseArgs { scope }: PauseArgs) -> anyhow::Result<ExitCode> {
    let db = scope.database.open().await?;
    let changed = operate::pause(&db, scope.whose.tenant, &scope.by.audit("pause")).await?;
    let were = if changed {
        "are paused"
    } else {
        "were already paused"
    };
    let text = format!(
        "the imports of {} {were}: they wait until user-import resume",
        scope.name()
    );
    scope.show(changed, &text)
}

pub(super) async fn resume(ResumeArgs { scope }: ResumeArgs) -> anyhow::Result<ExitCode> {
    let db = scope.database.open().await?;
    let changed = operate::resume(&db, scope.whose.tenant, &scope.by.audit("resume")).await?;
    let mut text = if changed {
        format!(
            "the imports of {} continue within {} s",
            scope.name(),
            policy::POSTPONED.time.as_secs()
        )
    } else {
        format!("there is no pause of {}", scope.name())
    };
    for left in db.pauses().await? {
        let by_another = match (left.tenant_id, scope.whose.tenant) {
            (None, Some(_)) => "all imports are still paused: user-import resume --all".to_owned(),
            (Some(other), None) => {
                format!("tenant {other} is still paused: user-import resume --tenant {other}")
            }
            _ => continue,
        };
        text.push_str(&format!("\n{by_another}"));
    }
    scope.show(changed, &text)
}
