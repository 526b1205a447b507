//! Files that other tools made, each with its expected result. `tests/data/make.py` made them and says what they are.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::Value;
use shared::{
    assess::{Assessment, ExtensionRange, TenantSnapshot, assess, check_fixed_values},
    file::{Delimiter, Encoding, check_row_count, read},
    limits::Limits,
    mapping::map,
    problem::Problem,
    rejection::{Rejection, RejectionCode},
    row,
};

use crate::job;

#[derive(Deserialize)]
struct Case {
    file: String,
    #[serde(default)]
    job: BTreeMap<String, Value>,
    rejected: Option<RejectionCode>,
    format: Option<Format>,
    #[serde(default)]
    rows: Vec<Vec<String>>,
    notes: Option<Vec<String>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Format {
    encoding: Encoding,
    delimiter: Delimiter,
}

/// The tenant that the integration tests have too.
fn tenant() -> TenantSnapshot {
    TenantSnapshot {
        roles: [10, 11].into(),
        desks: [20, 21].into(),
        skill_groups: [30, 31].into(),
        tags: [40, 41].into(),
        pbx_domains: [50].into(),
        usernames: [("taken".to_owned(), 1)].into(),
        emails: [("taken@example.com".to_owned(), 1)].into(),
        extensions: [("1999".to_owned(), 1)].into(),
        extension_range: Some(ExtensionRange::new("1000", "1999").unwrap()),
        extensions_in_use: ["1999".to_owned()].into(),
    }
}

type Rows = Vec<Vec<String>>;

fn import(bytes: &[u8], case: &Case) -> Result<(Format, Rows, Vec<String>), Rejection> {
    let job = job(serde_json::to_value(&case.job).unwrap());
    let upload = read(bytes, None, &Limits::default())?;
    let mapping = map(&upload.header, &job)?;
    let file = upload.records(|column| mapping.is_mapped(column))?;
    check_fixed_values(&job, &tenant())?;
    check_row_count(&file, &Limits::default())?;
    let rows = assess(row::read(&file, &mapping, &job), &tenant());
    let shown = |problem: &Problem| {
        let field = problem.field.map_or("row", |field| field.as_str());
        format!("{field} {}", problem.code)
    };
    let rows = rows.iter().map(|row| match &row.assessment {
        Assessment::Valid(_) => Vec::new(),
        Assessment::Refused { problems, .. } => problems.iter().map(shown).collect(),
    });
    let note = file
        .header
        .names
        .iter()
        .position(|name| name.ends_with("Note"))
        .unwrap_or(usize::MAX);
    let notes = file.records.iter().map(|record| record.cell(note).to_owned());
    let format = Format {
        encoding: file.encoding,
        delimiter: file.delimiter,
    };
    Ok((format, rows.collect(), notes.collect()))
}

#[test]
fn files_of_other_tools_become_what_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let cases = std::fs::read(folder.join("expected.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() > 50);
    let mut wrong = Vec::new();
    for case in cases {
        let bytes = std::fs::read(folder.join(&case.file)).unwrap();
        let became = import(&bytes, &case);
        let as_expected = match (&became, case.rejected) {
            (Err(rejection), Some(code)) => rejection.code == code,
            (Ok((format, rows, notes)), None) => {
                Some(format) == case.format.as_ref()
                    && *rows == case.rows
                    && case.notes.as_ref().is_none_or(|expected| notes == expected)
            }
            (Ok(_), Some(_)) | (Err(_), None) => false,
        };
        if !as_expected {
            wrong.push(format!("{}: {became:?}", case.file));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
