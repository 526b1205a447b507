//! Rows against the Dialer and against each other.

use std::collections::HashMap;

use serde_json::{Value, json};
use shared::{
    assess::{ExtensionRange, TenantSnapshot, check_fixed_values},
    rejection::RejectionCode,
};

use crate::{assessment, assessments, job, summaries, tenant};

const HEADER: &str = "Username,Email,Ext,Role\n";

fn generate() -> Value {
    json!({ "fields": { "virtual_extension": { "generate": true } } })
}

fn fill() -> Value {
    json!({ "fields": { "virtual_extension": { "generate": true, "column": "Ext" } } })
}

#[track_caller]
fn assert_summaries(rows: &str, settings: Value, expected: &[&str]) {
    assert_eq!(
        summaries(&assessments(&format!("{HEADER}{rows}"), settings, &tenant())),
        expected
    );
}

fn messages(rows: &str) -> Vec<String> {
    let rows = assessments(&format!("{HEADER}{rows}"), json!({}), &tenant());
    rows.iter()
        .flat_map(|row| assessment(row).1.iter().map(|problem| problem.message.clone()))
        .collect()
}

#[test]
fn a_user_who_exists_is_a_duplicate() {
    assert_summaries(
        "OLD,old@example.com,1001,1\n\
         old,new@example.com,1002,1\n\
         new,Old@Example.com,1003,1\n",
        json!({}),
        &[
            "duplicate: username already_exists, email already_exists",
            "duplicate: username duplicate_in_file, username already_exists",
            "duplicate: email duplicate_in_file, email already_exists",
        ],
    );
}

#[test]
fn a_value_of_an_earlier_row_is_a_duplicate_of_the_first_one() {
    let rows = "Straße,ann@example.com,1001,1\n\
                STRASSE,bob@example.com,1002,1\n\
                ｓtrasse,BOB@example.com,1003,1\n";
    assert_summaries(
        rows,
        json!({}),
        &[
            "Straße 1001",
            "duplicate: username duplicate_in_file",
            "duplicate: username duplicate_in_file, email duplicate_in_file",
        ],
    );
    let messages = messages(rows);
    assert!(
        messages[0].contains("is already in line 2 of the uploaded file (row 1) as \"Straße\", which counts"),
        "{messages:?}"
    );
    assert!(
        messages[1].contains("in line 2 of the uploaded file (row 1)"),
        "{messages:?}"
    );
    assert!(
        messages[2].contains(
            "in line 3 of the uploaded file (row 2) as \"bob@example.com\" (upper and lower case count as the same):"
        ),
        "{messages:?}"
    );
}

#[test]
fn the_text_that_stands_in_the_file_is_repeated() {
    let messages = messages(
        " ＯＬＤ ,ann@BÜRO.example,1001,1\n\
         zoe\u{308},Ann@büro.example,1002,1\n\
         ＺＯＥ\u{308},old@ＥＸＡＭＰＬＥ.com,1003,1\n",
    );
    for (message, text) in messages.iter().zip([
        "ＯＬＤ",
        "Ann@büro.example",
        "ＺＯＥ\u{308}",
        "old@ＥＸＡＭＰＬＥ.com",
    ]) {
        assert!(message.contains(&format!("\"{text}\"")), "{message}");
    }
    assert_eq!(messages.len(), 4);
}

#[test]
fn rows_that_fail_are_compared_too() {
    assert_summaries(
        "ann,ann@,1001,99\nann,ann@example.com,1001,1\n",
        json!({}),
        &[
            "error: email invalid_format, role unknown_reference",
            "duplicate: username duplicate_in_file",
        ],
    );
}

#[test]
fn values_of_wrong_form_are_not_compared() {
    assert_summaries(
        "a b,ann@,1,1\na b,ann@,1,1\n",
        json!({}),
        &["error: username invalid_characters, email invalid_format, virtual_extension invalid_format"; 2],
    );
}

#[test]
fn a_duplicate_with_another_problem_is_an_error() {
    assert_summaries(
        "old,ann@example.com,1001,x\n",
        json!({}),
        &["error: username already_exists, role unknown_reference"],
    );
}

#[test]
fn an_extension_that_somebody_else_has_is_taken() {
    let rows = "ann,ann@example.com,900,1\nbob,bob@example.com,0900,1\ncid,cid@example.com,0900,1\ndan,dan@example.com,900,1\n";
    assert_summaries(
        rows,
        json!({}),
        &[
            "error: virtual_extension extension_taken",
            "bob 0900",
            "error: virtual_extension extension_taken",
            "error: virtual_extension extension_taken",
        ],
    );
    let messages = messages(rows);
    assert!(messages[0].contains("in use in the Dialer"), "{messages:?}");
    assert!(
        messages[1].contains("line 3 of the uploaded file (row 2)"),
        "{messages:?}"
    );
    // The holder is the Dialer's user where there is one.
    assert!(messages[2].contains("in use in the Dialer"), "{messages:?}");
}

#[test]
fn the_extension_of_whom_the_row_duplicates_is_not_reported() {
    assert_summaries(
        "old,x@example.com,900,1\n\
         y,old@example.com,900,1\n\
         ann,ann@example.com,1001,1\n\
         ann,other@example.com,1001,1\n\
         other,Ann@example.com,1001,1\n",
        json!({}),
        &[
            "duplicate: username already_exists",
            "duplicate: email already_exists",
            "ann 1001",
            "duplicate: username duplicate_in_file",
            "duplicate: email duplicate_in_file",
        ],
    );
}

#[test]
fn the_extension_of_another_user_or_row_is_reported_beside_the_duplicate() {
    assert_summaries(
        "ann,ann@example.com,1001,1\n\
         bob,bob@example.com,1002,1\n\
         bob,cid@example.com,1001,1\n\
         old,dan@example.com,1001,1\n\
         ann,eve@example.com,900,1\n",
        json!({}),
        &[
            "ann 1001",
            "bob 1002",
            "error: username duplicate_in_file, virtual_extension extension_taken",
            "error: username already_exists, virtual_extension extension_taken",
            "error: username duplicate_in_file, virtual_extension extension_taken",
        ],
    );
}

#[test]
fn generated_numbers_are_the_lowest_free_ones_in_row_order() {
    assert_summaries(
        "ann,ann@example.com,,1\nbob,bob@example.com,,1\n",
        generate(),
        &["ann 101", "bob 102"],
    );
}

#[test]
fn generation_alone_ignores_the_column() {
    assert_summaries("ann,ann@example.com,nonsense,1\n", generate(), &["ann 101"]);
}

#[test]
fn numbers_that_stand_in_the_file_are_reserved_first() {
    assert_summaries(
        "ann,ann@example.com,,1\nbob,bob@example.com,101,1\ncid,cid@example.com, \u{A0},1\ndan,dan,102,1\n",
        fill(),
        &[
            "ann 103",
            "bob 101",
            "error: virtual_extension extension_range_exhausted",
            "error: email invalid_format",
        ],
    );
}

#[test]
fn a_row_that_cannot_be_created_takes_no_number() {
    assert_summaries(
        "ann,ann,,1\nold,bob@example.com,,1\ncid,cid@example.com,,1\n",
        generate(),
        &[
            "error: email invalid_format",
            "duplicate: username already_exists",
            "cid 101",
        ],
    );
}

#[test]
fn an_exhausted_range_is_reported_only_where_nothing_else_is_wrong() {
    let rows =
        "a1,a1@example.com,,1\na2,a2@example.com,,1\na3,a3@example.com,,1\na4,a4@example.com,,1\na5,a5,,1\n";
    assert_summaries(
        rows,
        generate(),
        &[
            "a1 101",
            "a2 102",
            "a3 103",
            "error: virtual_extension extension_range_exhausted",
            "error: email invalid_format",
        ],
    );
}

#[test]
fn without_a_range_nothing_is_generated() {
    let tenant = TenantSnapshot {
        extension_range: None,
        ..tenant()
    };
    let rows = assessments(
        &format!("{HEADER}ann,ann@example.com,,1\nbob,bob@example.com,1001,1\n"),
        fill(),
        &tenant,
    );
    assert_eq!(
        summaries(&rows),
        ["error: virtual_extension extension_range_exhausted", "bob 1001"]
    );
    let message = &assessment(&rows[0]).1[0].message;
    assert!(
        message.contains("no range")
            && message.ends_with("the column of the virtual extensions, if one is chosen."),
        "{message}"
    );
}

#[test]
fn generated_numbers_keep_their_leading_zeros() {
    let tenant = TenantSnapshot {
        extension_range: Some(ExtensionRange::new("0098", "0101").unwrap()),
        extensions_in_use: ["0099".to_owned()].into(),
        ..tenant()
    };
    let rows = "a,a@example.com,,1\nb,b@example.com,,1\nc,c@example.com,,1\nd,d@example.com,100,1\n";
    let rows = assessments(&format!("{HEADER}{rows}"), fill(), &tenant);
    assert_eq!(summaries(&rows), ["a 0098", "b 0100", "c 0101", "d 100"]);
}

#[test]
fn unknown_ids_are_told_alike_whatever_is_wrong_with_them() {
    let rows = assessments(
        &format!("{HEADER}ann,ann@example.com,1001,1;99;x\n"),
        json!({}),
        &tenant(),
    );
    let message = &assessment(&rows[0]).1[0].message;
    assert!(
        message.contains("\"x\", \"99\"") && message.contains("from Users > Roles in the Dialer."),
        "{message}"
    );
}

#[test]
fn values_for_all_must_be_the_tenant_s() {
    let fields = |role: i64, tag: i64| {
        json!({
            "fields": { "role": { "value": role }, "tags": { "values": [tag] } },
            "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        })
    };
    assert_eq!(check_fixed_values(&job(fields(1, 6)), &tenant()), Ok(()));
    let rejection = check_fixed_values(
        &job(fields(3, 9)),
        &TenantSnapshot {
            pbx_domains: [].into(),
            ..tenant()
        },
    )
    .unwrap_err();
    assert_eq!(rejection.code, RejectionCode::UnknownReference);
    assert!(
        rejection.message.contains("role 3, tags 9, PBX domain 7"),
        "{rejection}"
    );
    let column = json!({ "fields": { "role": { "column": "Role" } } });
    assert_eq!(
        check_fixed_values(&job(column), &TenantSnapshot::default()),
        Ok(())
    );
}

#[test]
fn five_hundred_rows_share_one_range() {
    let rows: String = (0..500).map(|n| format!("u{n},u{n}@example.com,,1\n")).collect();
    let tenant = TenantSnapshot {
        extension_range: Some(ExtensionRange::new("1000", "9999").unwrap()),
        ..tenant()
    };
    let rows = assessments(&format!("{HEADER}{rows}"), generate(), &tenant);
    let numbers: HashMap<String, usize> = summaries(&rows).into_iter().zip(0..).collect();
    assert_eq!(numbers.len(), 500);
    assert_eq!(numbers.get("u499 1499"), Some(&499));
}
