//! What the mapping step of a user interface is given.

use serde_json::{Value, json};
use shared::{columns::inspect, limits::Limits, rejection::RejectionCode};

fn columns(text: &str) -> Value {
    serde_json::to_value(inspect(text.as_bytes(), None, &Limits::default()).unwrap()).unwrap()
}

#[track_caller]
fn codes(text: &str) -> Vec<RejectionCode> {
    let columns = inspect(text.as_bytes(), None, &Limits::default()).unwrap();
    columns
        .rejections
        .iter()
        .map(|rejection| rejection.code)
        .collect()
}

#[test]
fn a_file_is_shown_with_the_fields_that_its_columns_seem_to_hold() {
    assert_eq!(
        columns("\nsep=;\nImport Row;Login;Mail;;Ext;Extension;'=Note\n1;ann;ann@example.com;;1;2;x\n\n"),
        json!({
            "encoding": "utf-8",
            "delimiter": "semicolon",
            "header_line": 3,
            "rows": 1,
            "ignored_rows": 0,
            "columns": [
                { "number": 2, "name": "Login", "field": "username" },
                { "number": 3, "name": "Mail", "field": "email" },
                { "number": 4, "name": "" },
                { "number": 5, "name": "Ext", "field": "virtual_extension" },
                { "number": 6, "name": "Extension", "field": "virtual_extension" },
                { "number": 7, "name": "=Note" },
            ],
            "suggested": { "username": "Login", "email": "Mail" },
            "conflicts": [{ "field": "virtual_extension", "columns": [5, 6] }],
            "missing": ["role"],
            "rejections": [],
        })
    );
}

#[test]
fn the_own_name_is_suggested_before_a_synonym() {
    let columns = columns("Login,Username,Device,SIP URI\na,b,1,a@b\n");
    assert_eq!(
        columns["suggested"],
        json!({ "username": "Username", "pbx_device": "Device", "sip_uri": "SIP URI" })
    );
    assert_eq!(columns["conflicts"], json!([]));
    assert_eq!(columns["columns"][0], json!({ "number": 1, "name": "Login" }));
}

#[test]
fn a_file_that_an_import_would_refuse_is_shown_with_the_reasons() {
    let rows = "a,b\n".repeat(501);
    for (text, expected) in [
        ("Username,Email\na,b\n".to_owned(), &[][..]),
        ("Username,Email\n".to_owned(), &[RejectionCode::EmptyFile]),
        ("ann,1001\nbob,1002\n".to_owned(), &[RejectionCode::MissingHeader]),
        (
            "Email,E-Mail,x,X\na,b,c,d\n".to_owned(),
            &[RejectionCode::DuplicateHeader],
        ),
        (format!("Username,Email\n{rows}"), &[RejectionCode::TooManyRows]),
        // Most rows may turn out to be unticked boxes and running numbers.
        (format!("x,y\n{rows}"), &[RejectionCode::MissingHeader]),
    ] {
        assert_eq!(codes(&text), expected, "{:.40}", text);
    }
}

#[test]
fn a_file_that_is_no_csv_is_refused() {
    for (bytes, code) in [
        (&b""[..], RejectionCode::EmptyFile),
        (b"PK\x03\x04", RejectionCode::NotCsv),
        (b"Username\n\x9D", RejectionCode::Undecodable),
        (b"Username\n\"ann", RejectionCode::MalformedCsv),
    ] {
        assert_eq!(inspect(bytes, None, &Limits::default()).unwrap_err().code, code);
    }
}
