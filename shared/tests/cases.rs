//! Files as administrators upload them, each with what must come of it: `cases/README.md` says what the fields mean.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

#[path = "cases/right.rs"]
mod right;

use std::collections::BTreeMap;

use right::{Before, Came, Finished, Refused, cases};
use serde_json::{Value, json};
use shared::{
    assess::{Assessment, ExtensionRange, NewUser, TenantSnapshot, assess, check_fixed_values},
    contract::job::Job,
    file::{self, SourceFile},
    limits::Limits,
    mapping,
    rejection::Rejection,
    report::{ErrorRow, error_csv},
    row,
};

fn tenant() -> TenantSnapshot {
    TenantSnapshot {
        roles: [10, 11].into(),
        desks: [1, 20, 21, 200, 1200].into(),
        skill_groups: [30, 31, 32].into(),
        tags: [40].into(),
        pbx_domains: [50].into(),
        usernames: [("existing.agent".to_owned(), 1)].into(),
        emails: [("existing.agent@example.com".to_owned(), 1)].into(),
        extensions: [("0999".to_owned(), 1)].into(),
        extension_range: ExtensionRange::new("0200", "0899").ok(),
        extensions_in_use: [].into(),
    }
}

fn job(fields: Value) -> Job {
    serde_json::from_value(json!({
        "version": 1, "import_id": "5f0c6c1e-8d5e-4f0a-9b0e-0d2f1c3b4a59", "tenant_id": 42,
        "source": { "key": "tenants/42/uploads/users.csv" }, "fields": fields,
    }))
    .unwrap()
}

fn import(bytes: &[u8], job: &Job, tenant: &TenantSnapshot) -> Came {
    match planned(bytes, job, tenant) {
        Ok(finished) => Came::Finished(finished),
        Err(rejection) => Came::Rejected {
            code: rejection.code.to_string(),
            sentence: rejection.message,
        },
    }
}

fn planned(bytes: &[u8], job: &Job, tenant: &TenantSnapshot) -> Result<Finished, Rejection> {
    let limits = Limits::default();
    let upload = file::read(bytes, None, &limits)?;
    let mapping = mapping::map(&upload.header, job)?;
    let file = upload.records(|column| mapping.is_mapped(column))?;
    check_fixed_values(job, tenant)?;
    file::check_row_count(&file, &limits)?;
    let mut finished = Finished {
        users: BTreeMap::new(),
        refused: BTreeMap::new(),
        error_csv: String::new(),
    };
    let rows = assess(row::read(&file, &mapping, job), tenant);
    finished.error_csv = errors(&file, &rows);
    for row in rows {
        match row.assessment {
            Assessment::Valid(user) => {
                finished.users.insert(row.row, stored(&user));
            }
            Assessment::Refused { outcome, problems } => {
                let codes = problems.iter().map(|problem| problem.code.to_string()).collect();
                let sentences = problems.into_iter().map(|problem| problem.message).collect();
                let refused = Refused {
                    outcome: outcome.as_str().to_owned(),
                    codes,
                    sentences,
                };
                finished.refused.insert(row.row, refused);
            }
        }
    }
    Ok(finished)
}

fn errors(file: &SourceFile, rows: &[shared::assess::AssessedRow]) -> String {
    let refused = file
        .records
        .iter()
        .zip(rows)
        .filter_map(|(record, row)| match &row.assessment {
            Assessment::Refused { outcome, problems } => Some(ErrorRow {
                cells: &record.cells,
                row: record.row,
                line: record.line,
                result: *outcome,
                problems,
            }),
            Assessment::Valid(_) => None,
        });
    String::from_utf8(error_csv(&file.header.names, refused)).unwrap()
}

/// What is in the tenant after what comes before.
fn after(before: Vec<Before>) -> TenantSnapshot {
    let mut tenant = tenant();
    for step in before {
        let Before::Import(bytes) = step else {
            tenant = self::tenant();
            continue;
        };
        if let Came::Finished(finished) = import(&bytes, &job(json!({})), &tenant) {
            for (number, user) in &finished.users {
                let id = 1000 + i64::from(*number);
                let key = |field: &str| user[field].as_str().unwrap().to_lowercase();
                tenant.usernames.insert(key("username"), id);
                tenant.emails.insert(key("email"), id);
                tenant.extensions.insert(key("virtual_extension"), id);
            }
        }
    }
    tenant
}

fn stored(user: &NewUser) -> Value {
    json!({
        "username": user.username.as_str(), "email": user.email.as_str(),
        "virtual_extension": user.virtual_extension.as_str(),
        "roles": user.roles, "desks": user.desks, "skill_groups": user.skill_groups, "tags": user.tags,
        "first_name": user.first_name.as_ref().map(|name| name.as_str()),
        "last_name": user.last_name.as_ref().map(|name| name.as_str()),
    })
}

#[test]
fn every_file_comes_out_right() {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let tenant = after(case.before());
            let came = import(&case.bytes(), &job(case.fields()), &tenant);
            case.failure(&came, &format!("{came:?}"))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of them do not:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
