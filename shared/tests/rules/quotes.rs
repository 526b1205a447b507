//! Stray quotes: nobody disappears, and no name is changed.

use proptest::prelude::*;
use serde_json::json;
use shared::{
    assess::{AssessedRow, Assessment},
    file::SourceFile,
    problem::Code,
};

use crate::{assessment, assessments, error_csv, import, summaries, tenant, upload};

const HEADER: &str = "Username,Email,Ext,Role,First Name,Note";

/// The rows of a file that is not rejected, with the assessment of each.
fn rows_of(text: &str) -> Option<(SourceFile, Vec<AssessedRow>)> {
    import(text, json!({}), &tenant()).ok()
}

fn is_malformed(row: &AssessedRow) -> bool {
    assessment(row)
        .1
        .iter()
        .any(|problem| problem.code == Code::MalformedQuotes)
}

/// The assessments of rows without their numbers, since sentences about earlier rows may differ in these.
fn without_places(rows: &[AssessedRow]) -> Vec<String> {
    summaries(rows)
}

#[test]
fn a_row_with_quotes_that_cannot_be_meant_is_refused() {
    for cells in [
        "\"Ann\" B.,x",
        "\"Ann \"Annie\" B.\",x",
        " \"Ann\",x",
        "\"O\\\"Neil\",x",
        "Ann,\"in \"another\" column\"",
        "Ann, \"x\"",
        "\"\"\"Ann\"\"\",x",
        "\"O\\\"\"Neil\",x",
    ] {
        let text =
            format!("{HEADER}\nann,ann@example.com,1001,1,{cells}\nbob,bob@example.com,1002,1,Bob,y\n");
        let rows = assessments(&text, json!({}), &tenant());
        assert!(is_malformed(&rows[0]), "{cells}: {:?}", summaries(&rows));
        assert_eq!(summaries(&rows)[1], "bob 1002", "{cells}");
    }
}

#[test]
fn quotes_that_can_be_meant_are_read() {
    for (cells, name) in [
        ("\"Ann\" ,x", "Ann"),
        ("\"Ann \"\"Annie\"\" B.\",\"5\"\"\"", "Ann \"Annie\" B."),
        ("6\" Ann,5\"", "6\" Ann"),
        ("\"Ann\",\"C:\\\"", "Ann"),
        ("Ann,\"\"\"quoted\"\" note\"", "Ann"),
    ] {
        let text = format!("{HEADER}\nann,ann@example.com,1001,1,{cells}\n");
        let rows = assessments(&text, json!({}), &tenant());
        let Assessment::Valid(user) = &rows[0].assessment else {
            panic!("{cells}: {:?}", summaries(&rows))
        };
        assert_eq!(user.first_name.as_ref().unwrap().as_str(), name);
    }
}

#[test]
fn a_stray_quote_that_takes_rows_with_it_is_told_with_its_line() {
    let row = |name: &str, note: &str| format!("{name},{name}@example.com,1001,1,{name},{note}");
    let three = |line_break: &str| {
        [
            HEADER.to_owned(),
            row("ann", "\"left"),
            row("bob", "x"),
            row("cid", "5\""),
            String::new(),
        ]
        .join(line_break)
    };
    let two = [
        HEADER.to_owned(),
        row("ann", "\"left"),
        row("bob", "5\""),
        String::new(),
    ]
    .join("\n");
    let last = [
        HEADER.to_owned(),
        row("ann", "x"),
        row("bob", "\"left"),
        String::new(),
    ]
    .join("\n");
    for (text, line) in [
        (three("\n"), 2),
        (three("\r"), 2),
        (three("\r\n"), 2),
        (two, 2),
        (last, 3),
    ] {
        for text in [text.clone(), text.replace(',', "\t"), text.replace(',', ";")] {
            let rejection = upload(&text).unwrap_err();
            assert_eq!(rejection.code.as_str(), "malformed_csv", "{text:?}");
            assert!(
                rejection.message.contains(&format!("opens in line {line} ")),
                "{rejection}"
            );
        }
    }
    let header = "Username,Email,\"Ext,Role,Note\nann,ann@example.com,1001,1,5\"\n";
    assert_eq!(upload(header).unwrap_err().code.as_str(), "malformed_csv");
}

/// The error CSV has commas, whatever the file has: a cell must not be read there as what it was not taken for here.
#[test]
fn lines_that_would_be_rows_in_the_error_csv_are_told_at_once() {
    for inner in [
        "bob,bob@example.com,1002,1,x",
        "a,b,bob@example.com,d,e,f,g,h,i,j,k",
    ] {
        let text = format!("{HEADER}\nann,ann@example.com,1001,1,Ann,\"first\n{inner}\nlast\"\n");
        for text in [text.clone(), text.replacen(',', ";", 9).replacen(",\"", ";\"", 1)] {
            let rejection = upload(&text).unwrap_err();
            assert_eq!(rejection.code.as_str(), "malformed_csv", "{text:?}");
        }
    }
}

#[test]
fn a_cell_of_several_lines_in_a_row_with_surplus_may_hold_rows() {
    let text = format!("{HEADER}\nann,ann@example.com,1001,1,\"Ann\nLee\",x,y\n");
    let rejection = upload(text).unwrap_err();
    assert_eq!(rejection.code.as_str(), "malformed_csv");
    assert!(
        rejection.message.contains("opens in line 2 ")
            && rejection
                .message
                .contains("its row has text beyond the last column"),
        "{rejection}"
    );
}

#[test]
fn addresses_of_several_lines_are_no_rows() {
    let text = "Username,Email,Ext,Role,Address\n\
                ann,ann@example.com,1001,1,\"Main Street 5\n10115 Berlin, Germany\n(second floor, left, at the back, ring)\"\n";
    assert_eq!(summaries(&assessments(text, json!({}), &tenant())), ["ann 1001"]);
    // Several such cells, one of which begins in the line in which another ends; an inch; lists of addresses.
    for text in [
        "Username,Address,Email,Note,Ext,Role\n\
         ann,\"Street 1\nBerlin, Germany\",ann@example.com,\"first line\nsecond line\",1001,1\n",
        "Note,Username,Email,Address,Ext,Role\n\
         \"one\ntwo\",ann,ann@example.com,\"three\nfour\",1001,1\n",
        "Note,Username,Email,Size,Ext,Role\n\"line 1\n2nd floor\",ann,ann@example.com,5\",1001,1\n",
        "Username,Email,Ext,Role,Note\nann,ann@example.com,1001,1,\"cc:\na@x.com,b@x.com,c@x.com\"\n",
    ] {
        assert_eq!(
            summaries(&assessments(text, json!({}), &tenant())),
            ["ann 1001"],
            "{text}"
        );
    }
}

/// A cell with quotes of its own, of a file with commas and LF.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}",
        "[0-9]{1,2}\" [a-z]{0,3}",
        "[0-9]{1,2}\"",
        "\"[a-z]{0,3}(, ?|\"\"|\n| )?[a-z]{0,3}\"",
        "\"\"",
        "\",[a-z]{0,3}\"",
    ]
}

/// A file's header and rows, each with its line break. Its users are distinguishable, and some of its rows have errors.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let row = (cell(), cell(), prop::bool::weighted(0.9), any::<bool>());
    (
        prop::collection::vec(row, 1..6),
        prop_oneof![9 => Just(0), 1 => Just(490)],
        prop::sample::select(vec![",", ";", "\t", "|"]),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
    )
        .prop_map(|(rows, plain_rows, delimiter, line_break)| {
            let plain = |number| {
                format!(
                    "plain{number},plain{number}@example.com,{},1,Ann,x",
                    2000 + number
                )
            };
            let line =
                |(number, (first, note, has_role, is_quoted)): (usize, (String, String, bool, bool))| {
                    let (id, role) = (1001 + number, if has_role { "1" } else { "" });
                    let quote = if is_quoted { "\"" } else { "" };
                    format!("{quote}user{number}{quote},user{number}@example.com,{id},{role},{first},{note}")
                };
            let rows = rows.into_iter().enumerate().map(line);
            [HEADER.to_owned()]
                .into_iter()
                .chain((0..plain_rows / 2).map(plain))
                .chain(rows)
                .chain((plain_rows / 2..plain_rows).map(plain))
                .map(|line| (line + "\n").replace(',', delimiter).replace('\n', line_break))
                .collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// With one quote more, wherever it is, every other row stays as it was, and the touched one is read as it is
    /// written or named by an error; or the file is rejected.
    #[test]
    fn one_stray_quote_loses_nobody(lines in lines(), places in prop::collection::vec(any::<prop::sample::Index>(), 24)) {
        let text = lines.concat();
        let before = rows_of(&text);
        prop_assume!(before.is_some());
        let (_, before) = before.unwrap();
        let starts: Vec<usize> =
            (1..=lines.len()).map(|line| lines[..line].iter().map(String::len).sum()).collect();
        for place in places.iter().map(|place| place.index(text.len())) {
            let with_quote = format!("{}\"{}", &text[..place], &text[place..]);
            let Some((file, after)) = rows_of(&with_quote) else { continue };
            prop_assert!(place >= starts[0], "{:?}", with_quote);
            let touched = starts.iter().rposition(|&start| start <= place).unwrap();
            // The touched row may have become several, all of them with errors.
            prop_assert!(after.len() >= before.len(), "{:?}", with_quote);
            let (above, below) = (&before[..touched], &before[touched + 1..]);
            let assessments = |rows: &[AssessedRow]| rows.iter().map(|row| row.assessment.clone()).collect::<Vec<_>>();
            prop_assert_eq!(assessments(&after[..touched]), assessments(above), "{:?}", with_quote);
            prop_assert_eq!(
                without_places(&after[after.len() - below.len()..]),
                without_places(below),
                "{:?}",
                with_quote
            );
            // What was refused for its quotes is refused again in the error CSV.
            let again = rows_of(str::from_utf8(&error_csv(&file, &after)).unwrap());
            if let Some((_, again)) = again {
                let refused: Vec<&AssessedRow> = after.iter().filter(|row| !assessment(row).1.is_empty()).collect();
                prop_assert_eq!(again.len(), refused.len());
                for (again, row) in again.iter().zip(refused) {
                    prop_assert!(!is_malformed(row) || is_malformed(again), "{:?}", with_quote);
                }
            }
        }
    }
}
