//! `user-import token` and `user-import revoke`.

use std::{process::ExitCode, time::Duration};

use clap::ValueEnum;
use shared::contract::Id;
use time::OffsetDateTime;

use super::{
    list::tenant,
    operator::{By, OperatorsDatabase},
    options::Misconfigured,
    terminal::print,
};
use crate::{
    console::{Keys, MAX_LIFE},
    db::{BearerRole, Revoked},
    secret::Secret,
    words::whole_number,
};

/// Options of `token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The token goes into the fragment of the console's URL: https://import.example.com/sign-in#token=…
It is signed with the first key of CONSOLE_KEYS that can sign (hs256). It is a secret as long as it is valid.

Examples:
  user-import token --tenant 1 --for ada@example.com
  user-import token --operator read --for grace@example.com --hours 1")]
pub(super) struct Args {
    /// Who signs in, for the audit trail
    #[arg(long = "for", value_name = "NAME", value_parser = subject)]
    subject: String,
    #[command(flatten)]
    role: RoleArgs,
    /// How long the token, and the session with it, is valid
    #[arg(long, value_name = "HOURS", default_value_t = 8, value_parser = whole_number(1..=MAX_LIFE.whole_hours()))]
    hours: i64,
    /// Keys of the console, as `console` takes them
    #[arg(
        long = "keys",
        env = "CONSOLE_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    keys: Secret,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct RoleArgs {
    /// An administrator of this tenant
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<Id>,
    /// An operator, who may look at imports of all tenants, or act on them too
    #[arg(long, value_enum, value_name = "ACCESS")]
    operator: Option<Access>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Access {
    Read,
    Act,
}

/// A name that a token can carry.
fn subject(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err("1 to 200 characters are needed, without control characters".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let keys = Keys::read(&args.keys)
        .map_err(|error| Misconfigured(format!("CONSOLE_KEYS cannot be used: {error}")))?;
    let role = match (args.role.tenant, args.role.operator) {
        (Some(tenant_id), _) => BearerRole::Administrator(tenant_id),
        (None, access) => BearerRole::Operator {
            may_act: access == Some(Access::Act),
        },
    };
    let life = time::Duration::try_from(Duration::from_secs(args.hours.unsigned_abs() * 60 * 60))?;
    let token = keys
        .sign(&args.subject, role, life, OffsetDateTime::now_utc())
        .map_err(|error| Misconfigured(format!("CONSOLE_KEYS cannot be used: {error}")))?;
    print(&token)?;
    Ok(ExitCode::SUCCESS)
}

/// Options of `revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Takes effect at once, in every console. A person can sign in again with a token that is made afterwards; a key stays
revoked, so give the next one another ID.

Examples:
  user-import revoke --for ada@example.com --reason 'left the company'
  user-import revoke --key dialer-2026")]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    what: RevokedArgs,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    database: OperatorsDatabase,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct RevokedArgs {
    /// End all sessions and tokens of this person
    #[arg(long = "for", value_name = "NAME")]
    subject: Option<String>,
    /// End all sessions and tokens of this key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
}

pub(super) async fn revoke(args: RevokeArgs) -> anyhow::Result<ExitCode> {
    let db = args.database.open().await?;
    let (revoked, details, said) = match (args.what.subject, args.what.key) {
        (Some(subject), _) => {
            let said = format!("sessions and tokens of {subject} have ended");
            (
                Revoked::Subject(subject.clone()),
                serde_json::json!({ "for": subject }),
                said,
            )
        }
        (None, key) => {
            let key = key.unwrap_or_default();
            let said = format!("sessions and tokens of the key {key} have ended");
            (Revoked::Key(key.clone()), serde_json::json!({ "key": key }), said)
        }
    };
    db.revoke(&revoked).await?;
    db.record(&args.by.audit("revoke"), None, details).await?;
    print(&said)?;
    Ok(ExitCode::SUCCESS)
}
