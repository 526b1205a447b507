//! The rules of an import, from the bytes of a file to the bytes of its reports.

#![cfg(test)]

mod assess;
mod columns;
mod corpus;
mod file;
mod mapping;
mod properties;
mod quotes;
mod report;
mod rows;
mod sheets;

use serde_json::{Value, json};
use shared::{
    assess::{AssessedRow, Assessment, ExtensionRange, TenantSnapshot, assess},
    contract::job::Job,
    file::{SourceFile, Upload},
    limits::Limits,
    mapping::map,
    outcome::Outcome,
    problem::Problem,
    rejection::Rejection,
    report::ErrorRow,
    row,
};

/// A job with these settings in addition to those that every job has.
fn job(settings: Value) -> Job {
    let mut job = json!({
        "version": 1,
        "import_id": "5f0c6c1e-8d5e-4f0a-9b0e-0d2f1c3b4a59",
        "tenant_id": 42,
        "source": { "key": "tenants/42/uploads/users.csv" },
    });
    let (Value::Object(all), Value::Object(settings)) = (&mut job, settings) else {
        panic!("not an object")
    };
    all.extend(settings);
    serde_json::from_value(job).unwrap()
}

/// A file with the default limits.
fn upload(text: impl AsRef<[u8]>) -> Result<Upload, Rejection> {
    shared::file::read(text.as_ref(), None, &Limits::default())
}

/// All its records.
fn read(text: impl AsRef<[u8]>) -> Result<SourceFile, Rejection> {
    upload(text)?.all_records()
}

/// A tenant with the roles 1 and 2, the desks 3 and 4, the skill group 5, the tag 6, the PBX domain 7, the numbers
/// from 100 to 103, of which 100 is in use, and one user.
fn tenant() -> TenantSnapshot {
    TenantSnapshot {
        roles: [1, 2].into(),
        desks: [3, 4].into(),
        skill_groups: [5].into(),
        tags: [6].into(),
        pbx_domains: [7].into(),
        usernames: [("old".to_owned(), 900)].into(),
        emails: [("old@example.com".to_owned(), 900)].into(),
        extensions: [("900".to_owned(), 900)].into(),
        extension_range: Some(ExtensionRange::new("100", "103").unwrap()),
        extensions_in_use: ["100".to_owned()].into(),
    }
}

/// The records of a file that is not rejected, with the assessment of each.
fn import(
    text: impl AsRef<[u8]>,
    settings: Value,
    tenant: &TenantSnapshot,
) -> Result<(SourceFile, Vec<AssessedRow>), Rejection> {
    let (upload, job) = (upload(text)?, job(settings));
    let mapping = map(&upload.header, &job)?;
    let file = upload.records(|column| mapping.is_mapped(column))?;
    let rows = assess(row::read(&file, &mapping, &job), tenant);
    Ok((file, rows))
}

/// The assessment of every row of a file that is not rejected.
fn assessments(text: &str, settings: Value, tenant: &TenantSnapshot) -> Vec<AssessedRow> {
    import(text, settings, tenant).unwrap().1
}

/// Outcome and problems of a row.
fn assessment(row: &AssessedRow) -> (Outcome, &[Problem]) {
    match &row.assessment {
        Assessment::Valid(_) => (Outcome::Pending, &[]),
        Assessment::Refused { outcome, problems } => (*outcome, problems),
    }
}

/// The error CSV of a file, from the assessments of its rows.
fn error_csv(file: &SourceFile, rows: &[AssessedRow]) -> Vec<u8> {
    let refused = file
        .records
        .iter()
        .zip(rows)
        .filter_map(|(record, row)| match &row.assessment {
            Assessment::Valid(_) => None,
            Assessment::Refused { outcome, problems } => Some(ErrorRow {
                cells: &record.cells,
                row: record.row,
                line: record.line,
                result: *outcome,
                problems,
            }),
        });
    shared::report::error_csv(&file.header.names, refused)
}

/// The problems of a row as `field code`, or, for a valid row, `user extension`.
fn summary(row: &AssessedRow) -> String {
    match &row.assessment {
        Assessment::Valid(user) => format!("{} {}", user.username.as_str(), user.virtual_extension.as_str()),
        Assessment::Refused { outcome, problems } => {
            let problem = |problem: &Problem| {
                let field = problem.field.map_or("row", |field| field.as_str());
                format!("{field} {}", problem.code)
            };
            format!(
                "{outcome}: {}",
                problems.iter().map(problem).collect::<Vec<_>>().join(", ")
            )
        }
    }
}

fn summaries(rows: &[AssessedRow]) -> Vec<String> {
    rows.iter().map(summary).collect()
}
