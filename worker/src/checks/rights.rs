//! What the log-ins of workers and operators may do in the database, compared with what they need.

use super::check::Check;
use crate::db::{self, Db, Group};

/// How many rights a line names.
const MOST_NAMED: usize = 5;

/// Compares the rights of the log-in with those of its group.
pub async fn rights(name: &'static str, db: &Db, group: Group) -> Check {
    match asked(name, db, group).await {
        Ok(check) => check,
        Err(error) => Check::failed(name, error.to_string(), "look at PostgreSQL's log"),
    }
}

async fn asked(name: &'static str, db: &Db, group: Group) -> Result<Check, db::Error> {
    let login = db.login().await?;
    if login.is_superuser {
        let advice = format!(
            "give it a log-in that is a member of {} and nothing else",
            group.role()
        );
        return Ok(Check::warning(
            name,
            format!("role {} is a superuser", login.role),
            advice,
        ));
    }
    if !db.schema_version().await?.is_ours() {
        let advice = "use a schema and a program of the same release";
        return Ok(Check::unchecked(
            name,
            "the schema is not the one that this program knows the rights of",
            advice,
        ));
    }
    let difference = db.compare_rights(group).await?;
    Ok(if !difference.missing.is_empty() {
        let advice = format!(
            "GRANT {} TO {}; if it is a member, grant to {0} what was revoked",
            group.role(),
            login.role
        );
        let missing = format!("missing: {}", listed(&difference.missing));
        match group {
            Group::Worker => Check::failed(name, missing, advice),
            // Workers do not need it.
            Group::Operator | Group::Console => Check::warning(name, missing, advice),
        }
    } else if !difference.excess.is_empty() {
        let advice = format!(
            "revoke it from {}, {} or PUBLIC, whichever has it, and leave {0} a member of {1} only",
            login.role,
            group.role()
        );
        let found = format!("beyond what is needed: {}", listed(&difference.excess));
        Check::warning(name, found, advice)
    } else {
        Check::ok(name, "all that is needed, and no more")
    })
}

fn listed(rights: &[String]) -> String {
    let mut text = rights
        .iter()
        .take(MOST_NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more @ 1..) = rights.len().checked_sub(MOST_NAMED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
