//! What spreadsheets and their users do: rows that only look filled, names for IDs, passwords in uploads.

use serde_json::json;
use shared::{mapping::map, rejection::RejectionCode, row};

use crate::{assessment, assessments, job, summaries, tenant, upload};

fn rejection(text: &str, settings: serde_json::Value) -> shared::rejection::Rejection {
    let rejected = || {
        let upload = upload(text)?;
        let mapping = map(&upload.header, &job(settings))?;
        upload.records(|column| mapping.is_mapped(column))
    };
    rejected().unwrap_err()
}

#[test]
fn rows_that_only_look_filled_are_ignored_and_counted() {
    let unused = "FALSE,,,,\n".repeat(600);
    let text =
        format!("Active,Username,Email,Ext,Role\n{unused}TRUE,ann,ann@example.com,1001,1\n,,,,\n{unused}");
    let upload = upload(&text).unwrap();
    let mapping = map(&upload.header, &job(json!({}))).unwrap();
    let file = upload.records(|column| mapping.is_mapped(column)).unwrap();
    assert_eq!((file.record_count, file.ignored_rows), (1, 1200));
    assert_eq!((file.records[0].row, file.records[0].line), (1, 602));
    assert_eq!(mapping.ignored_columns(&upload.header), [1]);
}

#[test]
fn a_row_with_surplus_text_or_stray_quotes_is_never_ignored() {
    let text = "Active,Username,Email,Ext,Role\nFALSE,,,,,x\n\"F\"x,,,,\nTRUE,ann,ann@example.com,1001,1\n";
    let rows = summaries(&assessments(text, json!({}), &tenant()));
    assert_eq!(rows.len(), 3);
    assert!(rows[0].contains("row wrong_column_count"), "{rows:?}");
    assert!(rows[1].contains("row malformed_quotes"), "{rows:?}");
}

#[test]
fn a_file_without_any_filled_row_is_empty() {
    for (rows, told) in [
        ("FALSE,,,,\n", "in the only row below"),
        ("FALSE,,,,\nFALSE,,,,\n", "in both rows below"),
        ("FALSE,,,,\nFALSE,,,,\nFALSE,,,,\n", "in all 3 rows below"),
    ] {
        let rejection = rejection(&format!("Active,Username,Email,Ext,Role\n{rows}"), json!({}));
        assert_eq!(rejection.code, RejectionCode::EmptyFile);
        assert!(rejection.message.contains(told), "{rejection}");
    }
}

#[test]
fn columns_of_passwords_are_never_kept() {
    let text = "Username,Pass-word*,Email,Ext,Role\n\
                ann,Secret-1,ann@,1001,1\n\
                bob,Secret,-2,bob@example.com,1002,1\n";
    let upload = upload(text).unwrap();
    let mapping = map(&upload.header, &job(json!({}))).unwrap();
    let file = upload.records(|column| mapping.is_mapped(column)).unwrap();
    let kept = format!("{:?}", row::read(&file, &mapping, &job(json!({}))));
    assert!(!kept.contains("Secret") && !kept.contains("-2"), "{kept}");
    assert_eq!(file.records[0].cells, ["ann", "", "ann@", "1001", "1"]);
    let mapped = rejection(
        text,
        json!({ "fields": { "first_name": { "column": "Pass-word*" } } }),
    );
    assert_eq!(mapped.code, RejectionCode::MappingConflict);
}

#[test]
fn our_success_report_is_rejected() {
    let text =
        "User ID,Username,Email,Virtual Extension,Temporary Password\n1,ann,ann@example.com,1001,Secret\n";
    assert_eq!(upload(text).unwrap_err().code, RejectionCode::ReportUploaded);
}

/// All cells and sentences that are kept of a file whose columns are matched by its header.
fn all_that_is_kept(text: &str) -> String {
    let upload = upload(text).unwrap();
    let mapping = map(&upload.header, &job(json!({}))).unwrap();
    let file = upload.records(|column| mapping.is_mapped(column)).unwrap();
    let candidates = row::read(&file, &mapping, &job(json!({})));
    format!("{:?} {candidates:?}", file.records)
}

#[test]
fn a_password_in_a_whole_line_in_quotes_is_not_kept() {
    for line in [
        "\"ann,Secret,ann@example.com,1001,1\"",
        "\"ann,\"\"a,Secret\"\",ann@example.com,1001,1\"",
        "\"ann,Secret",
    ] {
        let kept = all_that_is_kept(&format!(
            "Username,Password,Email,Ext,Role\nbob,x,b@example.com,2,1\n{line}{}\n",
            if line.ends_with('"') { "" } else { "\"" }
        ));
        assert!(!kept.contains("Secret"), "{kept}");
        assert!(
            kept.contains("\"ann,"),
            "the row is still an error of its own: {kept}"
        );
    }
}

#[test]
fn a_password_below_a_header_further_down_is_not_kept() {
    let text = "Username,Email,Ext,Role\nbob,bob@example.com,1002,1\n\
                Username,Email,Ext,Password,Role\nann,ann@example.com,1001,Secret,1\n";
    let kept = all_that_is_kept(text);
    assert!(
        kept.contains("ann@example.com") && !kept.contains("Secret"),
        "{kept}"
    );
    // A user with such a desk and such a skill group is not a header.
    let text = "Username,Email,Ext,Role,Desks,Skill Groups\nbob,,1002,1,Mail,Password Reset\n\
                ann,ann@example.com,1001,1,Login,Phone\n";
    assert!(all_that_is_kept(text).contains("Phone"));
    // A user of that name is not a header.
    let text =
        "Username,Email,Ext,Role,Note\npassword,bob@example.com,1002,1,Login\nann,ann@example.com,1001,1,x\n";
    assert!(all_that_is_kept(text).contains("\"ann\""));
}

#[test]
fn names_stand_for_ids() {
    let settings = json!({ "fields": {
        "role": { "column": "Role", "names": { "Agent": [1], "Team Lead": [1, 2] } },
        "desks": { "column": "Desks", "names": { "North, East": [3] } },
    }});
    let text = "Username,Email,Ext,Role,Desks\n\
                ann,ann@example.com,1001,agent,\"north,  EAST\"\n\
                bob,bob@example.com,1002,Team Lead;2,4\n\
                cid,cid@example.com,1003,Boss,\n";
    let rows = assessments(text, settings, &tenant());
    assert_eq!(
        summaries(&rows),
        ["ann 1001", "bob 1002", "error: role unknown_reference"]
    );
}

#[test]
fn commas_between_thousands_are_told_where_the_id_is_known() {
    let mut tenant = tenant();
    tenant.roles.extend([1200, 200]);
    let text =
        "Username,Email,Ext,Role\nann,ann@example.com,1001,\"1,200\"\nbob,bob@example.com,1002,\"2,200\"\n";
    let rows = assessments(text, json!({}), &tenant);
    assert_eq!(summaries(&rows), ["error: role spreadsheet_damage", "bob 1002"]);
    let message = &assessment(&rows[0]).1[0].message;
    assert!(
        message.ends_with("If 1 and 200 are two IDs, put ; between them."),
        "{message}"
    );
}

#[test]
fn error_values_are_told_in_every_field() {
    let text = "Username,Email,Ext,Role,First Name\n#NAME?,#N/A,#WERT!,1;#REF!,#Н/Д\n";
    let rows = assessments(text, json!({}), &tenant());
    let (_, problems) = assessment(&rows[0]);
    assert_eq!(problems.len(), 5);
    assert!(
        problems
            .iter()
            .all(|problem| problem.code.as_str() == "spreadsheet_damage"),
        "{problems:?}"
    );
}

#[test]
fn a_whole_line_in_quotes_is_told() {
    let text = "Username,Email,Ext,Role\n\"ann,ann@example.com,1001,1\"\n";
    let rows = assessments(text, json!({}), &tenant());
    let sentences: Vec<&str> = assessment(&rows[0])
        .1
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert!(sentences[0].contains("whole line"), "{sentences:?}");
}

#[test]
fn a_second_header_is_told_once_and_a_user_is_not_taken_for_one() {
    let text = "Username,Email,Ext,Role\nann,ann@example.com,1001,1\n\u{FEFF}username,E-Mail,Ext,Role\n\
                bob,email,1002,1\nLogin,Email Address,Extension,Roles,Password\n";
    let rows = assessments(text, json!({}), &tenant());
    let told = |row: usize| -> Vec<&str> {
        let (_, problems) = assessment(&rows[row]);
        problems.iter().map(|problem| problem.message.as_str()).collect()
    };
    for header in [1, 3] {
        assert!(
            matches!(told(header)[..], [only] if only.ends_with("delete this row.")),
            "{:?}",
            told(header)
        );
    }
    assert!(
        matches!(told(2)[..], [only] if only.contains("is not one email address")),
        "{:?}",
        told(2)
    );
}

#[test]
fn events_repeat_no_name_of_a_column() {
    for (text, settings) in [
        ("Geheim 1,Geheim 2\nx,y\n", json!({})),
        ("Username,Geheim\nx,y\n", json!({})),
        (
            "Username,Email,Ext,Role,Login_Geheim\nx,y\n",
            json!({ "fields": { "username": { "column": "Nobody" } } }),
        ),
    ] {
        let rejection = rejection(text, settings);
        assert!(rejection.message.contains("Geheim"), "{rejection}");
        assert!(
            !rejection.event_message().contains("Geheim"),
            "{}",
            rejection.event_message()
        );
    }
}
