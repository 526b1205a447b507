//! Any bytes as a file: decode → parse → map → validate → report, and the report is read back.

#![no_main]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a finding ends with a panic"
)]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use shared::{
    assess::{AssessedRow, Assessment, ExtensionRange, TenantSnapshot, assess},
    columns,
    contract::job::{self, Job},
    file::{self, SourceFile},
    limits::Limits,
    mapping::map,
    outcome::Outcome,
    report::{ErrorRow, error_csv},
    row,
};

/// Small, so that every limit is soon reached.
const LIMITS: Limits = Limits {
    max_file_bytes: 16 * 1024,
    max_rows: 20,
    max_columns: 12,
    max_cell_bytes: 512,
};

static JOBS: LazyLock<Vec<Job>> = LazyLock::new(|| {
    [
        json!({}),
        json!({ "sip": { "kind": "custom_uri" } }),
        json!({ "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 } }),
        json!({ "fields": { "virtual_extension": { "generate": true, "column": "Ext" }, "role": { "value": 1 } } }),
        json!({ "fields": { "username": { "column": "a" }, "email": { "column": "b" }, "role": { "value": 1 },
                            "virtual_extension": { "generate": true } } }),
    ]
    .into_iter()
    .map(|mut settings| {
        settings["version"] = 1.into();
        settings["import_id"] = "5f0c6c1e-8d5e-4f0a-9b0e-0d2f1c3b4a59".into();
        settings["tenant_id"] = 42.into();
        settings["source"] = json!({ "key": "tenants/42/users.csv" });
        job::parse(settings.to_string().as_bytes()).expect("a job")
    })
    .collect()
});

static TENANT: LazyLock<TenantSnapshot> = LazyLock::new(|| TenantSnapshot {
    roles: [1, 10].into(),
    desks: [3, 20].into(),
    usernames: [("old".to_owned(), 900), ("taken".to_owned(), 901)].into(),
    emails: [("old@example.com".to_owned(), 900)].into(),
    extensions: [("900".to_owned(), 900)].into(),
    extension_range: ExtensionRange::new("0100", "0110").ok(),
    extensions_in_use: ["0100".to_owned()].into(),
    ..TenantSnapshot::default()
});

fuzz_target!(|bytes: &[u8]| {
    let shown = columns::inspect(bytes, None, &LIMITS);
    let Ok(upload) = file::read(bytes, None, &LIMITS) else {
        return;
    };
    shown.expect("what can be read has columns");

    for job in JOBS.iter() {
        let Ok(mapping) = map(&upload.header, job) else {
            continue;
        };
        let Ok(file) = upload.records(|column| mapping.is_mapped(column)) else {
            continue;
        };
        assert!(file.records.len() <= LIMITS.max_rows);
        let candidates = row::read(&file, &mapping, job);
        let _ = row::lookups(&candidates, job);
        let rows = assess(candidates, &TENANT);
        assert_eq!(rows.len(), file.records.len());
        for (row, record) in rows.iter().zip(&file.records) {
            assert_eq!((row.row, row.line), (record.row, record.line));
            if let Assessment::Refused { outcome, problems } = &row.assessment {
                assert!(!problems.is_empty());
                assert_eq!(*outcome, Outcome::of(problems));
                assert!(matches!(outcome, Outcome::Duplicate | Outcome::Error));
            }
        }
        read_back(&file, &rows);
    }
});

/// The error CSV holds the cells of all refused rows as they were.
fn read_back(file: &SourceFile, rows: &[AssessedRow]) {
    let refused: Vec<_> = file
        .records
        .iter()
        .zip(rows)
        .filter_map(|(record, row)| match &row.assessment {
            Assessment::Refused { outcome, problems } => Some((record, *outcome, problems)),
            Assessment::Valid(_) => None,
        })
        .collect();
    let report = error_csv(
        &file.header.names,
        refused.iter().map(|(record, result, problems)| ErrorRow {
            cells: &record.cells,
            row: record.row,
            line: record.line,
            result: *result,
            problems,
        }),
    );
    // A row of nothing but surplus cells is blank in the report.
    let kept: Vec<_> = refused
        .iter()
        .map(|(record, ..)| record)
        .filter(|record| record.cells.iter().any(|cell| !shared::cell::is_blank(cell)))
        .collect();
    let limits = Limits {
        // The sentences of many problems are longer than any cell of the source.
        max_file_bytes: 1024 * 1024,
        max_cell_bytes: 64 * 1024,
        ..LIMITS
    };
    let again = match file::read(&report, None, &limits).and_then(|upload| upload.all_records()) {
        Ok(again) => again,
        Err(_) if kept.is_empty() => return,
        Err(rejection) => panic!("{rejection}: {}", String::from_utf8_lossy(&report)),
    };
    // Nameless columns at the end that only created rows have a cell in are not read again.
    let (same, rest) = file.header.names.split_at(again.header.names.len());
    assert_eq!(again.header.names, same);
    assert!(rest.iter().all(|name| shared::cell::is_blank(name)));
    assert_eq!(again.records.len(), kept.len());
    for (again, before) in again.records.iter().zip(kept) {
        assert_eq!(again.cells, before.cells);
    }
}
