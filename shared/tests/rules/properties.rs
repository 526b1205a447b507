//! What holds for every file.

use proptest::prelude::*;
use serde_json::json;
use shared::{
    assess::assess,
    file::{Header, Record, SourceFile},
    limits::Limits,
    mapping::map,
    outcome::Outcome,
    problem::Problem,
    report::{ErrorRow, error_csv},
    row,
    surplus::Surplus,
};

use crate::{assessment, job, read, tenant};

/// Text that is full of what has a meaning in CSV files, spreadsheets and our rules.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ \u{A0}\u{FEFF}\t\r\n]{1,2}",
        "['=+@\\-＝＋－＠]{1,3}\\PC{0,3}",
        "[\"',;|\t\r\n ]{1,5}",
        "[ ]?(<|%PDF-)(a|html|!--|\\?xml)?[> x]?",
        "(sep=|Import Row|import_errors|Username|Login|E-Mail|Ext|Role|SIP)[;,\"]?",
        "(old|ann|100|101|1;2|ann@example.com|old@example.com|900)",
        "\\PC{0,8}",
        any::<String>(),
    ]
}

/// Something like a CSV file.
fn text() -> impl Strategy<Value = String> {
    let line_break = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let row = prop::collection::vec(cell(), 0..7);
    let delimiter = prop_oneof![Just(","), Just(";"), Just("\t"), Just("|")];
    let header = prop_oneof![
        Just(vec!["Username", "Email", "Ext", "Role", "Desks"]),
        Just(vec![])
    ];
    (prop::collection::vec(row, 0..8), delimiter, line_break, header).prop_map(
        |(rows, delimiter, line_break, header)| {
            let header = std::iter::once(header.join(delimiter));
            header
                .chain(rows.iter().map(|row| row.join(delimiter)))
                .collect::<Vec<_>>()
                .join(line_break)
        },
    )
}

fn import(bytes: &[u8]) {
    let limits = Limits {
        max_file_bytes: 4096,
        max_rows: 5,
        max_columns: 6,
        max_cell_bytes: 64,
    };
    let Ok(upload) = shared::file::read(bytes, None, &limits) else {
        return;
    };
    for settings in [
        json!({}),
        json!({ "sip": { "kind": "custom_uri" } }),
        json!({ "fields": { "virtual_extension": { "generate": true }, "role": { "value": 1 } } }),
    ] {
        let job = job(settings);
        let Ok(mapping) = map(&upload.header, &job) else {
            continue;
        };
        let Ok(file) = upload.records(|column| mapping.is_mapped(column)) else {
            continue;
        };
        let candidates = row::read(&file, &mapping, &job);
        let _lookups = row::lookups(&candidates, &job);
        let rows = assess(candidates, &tenant());
        assert_eq!(rows.len(), file.records.len());
        for (row, record) in rows.iter().zip(&file.records) {
            assert_eq!((row.row, row.line), (record.row, record.line));
            let (outcome, problems) = assessment(row);
            assert_eq!(outcome, Outcome::of(problems));
            assert!(matches!(
                outcome,
                Outcome::Pending | Outcome::Duplicate | Outcome::Error
            ));
        }
    }
}

/// A file with this header and these records.
fn source(header: Vec<String>, rows: Vec<Vec<String>>) -> SourceFile {
    let records = rows.into_iter().zip(1..).map(|(cells, row)| Record {
        row,
        line: row,
        cells,
        surplus: Surplus::default(),
        malformed_quotes: false,
        was_malformed: false,
    });
    let records: Vec<Record> = records.collect();
    SourceFile {
        header: Header {
            column_numbers: (1..=header.len()).collect(),
            names: header,
            ..Header::default()
        },
        record_count: records.len(),
        records,
        ..read("A\nx\n").unwrap()
    }
}

fn report(file: &SourceFile) -> Vec<u8> {
    let problems = [Problem::extension_taken("1001")];
    let rows = file.records.iter().map(|record| ErrorRow {
        cells: &record.cells,
        row: record.row,
        line: record.line,
        result: Outcome::Error,
        problems: &problems,
    });
    error_csv(&file.header.names, rows)
}

proptest! {
    #[test]
    fn no_bytes_make_the_rules_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        import(&bytes);
    }

    #[test]
    fn no_text_makes_the_rules_panic(text in text()) {
        import(text.as_bytes());
        import(format!("\u{FEFF}{text}").as_bytes());
        let wide: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        import(&wide);
    }

    #[test]
    fn every_row_ends_in_exactly_one_outcome(rows in prop::collection::vec(prop::collection::vec(cell(), 5), 1..8)) {
        let table: Vec<u8> = report(&source(["Username", "Email", "Ext", "Role", "Desks"].map(str::to_owned).into(), rows));
        import(&table);
    }

    #[test]
    fn a_report_is_read_back_exactly(
        header in prop::collection::vec(cell(), 0..5),
        rows in prop::collection::vec(prop::collection::vec(cell(), 0..5), 1..5),
    ) {
        // What reading leaves of any file: whole rows, no blank ones, no columns of reports.
        let bytes = report(&source(header, rows));
        let Ok(file) = read(&bytes) else { return Ok(()) };
        // What no column takes is in the sentences only.
        prop_assume!(file.records.iter().all(|record| record.surplus.count == 0));
        let again = read(report(&file)).unwrap();
        prop_assert_eq!(&again.header.names, &file.header.names);
        let cells = |file: &SourceFile| file.records.iter().map(|record| record.cells.clone()).collect::<Vec<_>>();
        prop_assert_eq!(cells(&again), cells(&file));
    }

    #[test]
    fn a_cell_comes_back_from_a_report_as_it_was(cell in cell()) {
        let file = source(vec!["A".into(), "B".into()], vec![vec![cell.clone(), "x".into()]]);
        let again = read(report(&file)).unwrap();
        prop_assert_eq!(again.records[0].cell(0), cell);
    }

    #[test]
    fn our_reports_are_csv_to_others_too(header in prop::collection::vec(cell(), 1..4), cell in cell()) {
        let file = source(header, vec![vec![cell]]);
        let bytes = report(&file);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(records.len(), 2);
        for record in &records {
            prop_assert_eq!(record.len(), file.header.names.len() + 5);
            for text in record {
                let starts_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
                prop_assert!(!starts_formula, "{:?}", text);
            }
        }
    }
}
