//! The reports, byte for byte.

use serde_json::{Value, json};
use shared::{
    outcome::Outcome,
    report::{SuccessRow, success_csv},
};

use crate::{assessment, assessments, error_csv, import, read, tenant};

/// A report with its byte order mark and line breaks spelled out.
fn show(report: &[u8]) -> String {
    let text = str::from_utf8(report).unwrap();
    text.replace('\u{FEFF}', "<BOM>")
        .replace('\t', "<TAB>")
        .replace("\r\n", "<CRLF>\n")
        .replace('\r', "<CR>")
}

/// The error CSV of a file.
fn errors(text: &str, settings: Value) -> Vec<u8> {
    let (file, rows) = import(text, settings, &tenant()).unwrap();
    error_csv(&file, &rows)
}

#[test]
fn the_success_csv_is_written_for_spreadsheets() {
    let row = SuccessRow {
        user_id: Some(17),
        username: "zoë",
        email: "zoe@example.com",
        virtual_extension: "0100",
        password: Some("k7\"mPq,xW"),
        import_row: 7,
        password_expires: Some("2026-03-31T10:15:01Z"),
    };
    let formula = SuccessRow {
        user_id: Some(i64::MAX),
        username: "@bob",
        email: "=bob@example.com",
        ..row
    };
    let validated = SuccessRow {
        user_id: None,
        password: None,
        password_expires: None,
        ..row
    };
    insta::assert_snapshot!(show(&success_csv([row, formula, validated])), @r#"
    <BOM>User ID,Username,Email,Virtual Extension,Temporary Password,Import Row,Password Expires<CRLF>
    17,zoë,zoe@example.com,0100,"k7""mPq,xW",7,2026-03-31T10:15:01Z<CRLF>
    9223372036854775807,'@bob,'=bob@example.com,0100,"k7""mPq,xW",7,2026-03-31T10:15:01Z<CRLF>
    ,zoë,zoe@example.com,0100,,7,<CRLF>
    "#);
    insta::assert_snapshot!(show(&success_csv([])), @"<BOM>User ID,Username,Email,Virtual Extension,Temporary Password,Import Row,Password Expires<CRLF>");
}

#[test]
fn a_success_row_does_not_show_its_password() {
    let row = SuccessRow {
        user_id: None,
        username: "ann",
        email: "",
        virtual_extension: "",
        password: Some("secret"),
        import_row: 7,
        password_expires: Some("2026-03-31T10:15:01Z"),
    };
    let shown = format!("{row:?}");
    assert!(shown.contains("ann") && !shown.contains("secret"), "{shown}");
}

#[test]
fn the_error_csv_gives_back_the_cells_and_says_what_is_wrong() {
    let text = "\nLogin;Email;;Ext;Role;Note;\r\n\
                ann;ann@example.com;;1001;1;fine\r\n\
                \"b \"\"x\"\" \"; bob@;n;1.00E+03;99,x;=1+1;;surplus\r\n\
                \r\n\
                old;new@example.com;;1002;1;\"two\r\nlines\"\r\n\
                cid;;;;;'=2\r\n";
    insta::assert_snapshot!(show(&errors(text, json!({}))), @r#"
    <BOM>Login,Email,,Ext,Role,Note,Import Row,Import Line,Import Result,Import Error Codes,Import Errors<CRLF>
    "b ""x"" ", bob@,n,1.00E+03,"99,x",'=1+1,2,4,error,invalid_characters;invalid_format;spreadsheet_damage;unknown_reference;wrong_column_count,"Username ""b ""x"""" has a space as character 2: use letters, digits and . _ - @ + only. Email ""bob@"" is not one email address like name@example.com (there is nothing after @): correct it. Virtual extension ""1.00E+03"" looks like a number that a spreadsheet has changed: format the column as text, type the number again, check the others in the column too, and save. Role ""x"", ""99"" are not IDs of active roles of this tenant: copy the IDs from Users > Roles in the Dialer. The row has text in 1 cell beyond the last column (""surplus""): perhaps a semicolon inside a value moved the cells. Put each value back into its column, and several IDs into one cell with | between them. The error report leaves out what is beyond: take it from here."<CRLF>
    old,new@example.com,,1002,1,"two<CRLF>
    lines",3,6,duplicate,already_exists,"Username ""old"" is taken by a user of the Dialer: delete this row if it is the same person, else give it another username."<CRLF>
    cid,,,,,'=2,4,8,error,required,"Email is blank: type a value. Virtual extension is blank: type a number, or let the Dialer generate the numbers. Role is blank: type the ID of a role in every row, or choose one role for all users."<CRLF>
    "#);
    insta::assert_snapshot!(show(&shared::report::error_csv(&["A".to_owned(), String::new()], [])), @"<BOM>A,,Import Row,Import Line,Import Result,Import Error Codes,Import Errors<CRLF>");
}

#[test]
fn an_error_csv_of_an_error_csv_is_the_same() {
    let text = "=Login,Email,Ext,Role,'=Note\n+ann,-x,@1,\t1,''+\n'=ann,'x,'-1,'1, \n";
    let settings = json!({ "fields": { "username": { "column": "=Login" } } });
    let once = errors(text, settings.clone());
    let twice = errors(str::from_utf8(&once).unwrap(), settings);
    let (once, twice) = (read(once).unwrap(), read(twice).unwrap());
    assert_eq!(once.header.names, ["=Login", "Email", "Ext", "Role", "=Note"]);
    assert_eq!((&once.header, &once.records), (&twice.header, &twice.records));
}

#[test]
fn a_report_is_never_taken_for_another_file() {
    for name in ["<a>", " <p class", "%PDF-1.7", "<!-- note", "<?xml", "<b\tx>"] {
        let text = format!("\"{name}\",Login,Email,Ext,Role\nx,ann,ann@,1001,1\n");
        assert_eq!(read(errors(&text, json!({}))).unwrap().header.names[0], name);
    }
}

#[test]
fn a_corrected_error_csv_can_be_uploaded_as_it_is() {
    let text = "Login;Email;Ext;Role\nann;ann@;0100;1\nbob;bob@example.com;1002;1\n";
    let report = String::from_utf8(errors(text, json!({}))).unwrap();
    let corrected = report.replacen("ann@", "ann@example.com", 1);
    let rows = assessments(&corrected, json!({}), &tenant());
    assert_eq!(crate::summaries(&rows), ["ann 0100"]);
}

#[test]
fn a_list_without_quotes_in_a_corrected_error_csv_is_not_lost() {
    let report = String::from_utf8(errors(
        "Login,Email,Ext,Role,Desks\nann,ann@,1001,1,\n",
        json!({}),
    ))
    .unwrap();
    let (header, _) = report.split_once("\r\n").unwrap();
    let rows = assessments(
        &format!("{header}\r\nann,ann@example.com,1001,1,3,4,3\r\nbob,bob@example.com,1002,1,3\r\n"),
        json!({}),
        &tenant(),
    );
    assert_eq!(
        crate::summaries(&rows),
        ["error: row wrong_column_count", "bob 1002"]
    );
    let message = &assessment(&rows[0]).1[0].message;
    assert!(
        message.contains("text in the columns from \"Import Row\" on, which are for our reports (")
            && message.contains("\"4\", \"3\""),
        "{message}"
    );
}

#[test]
fn all_surplus_cells_stand_in_the_sentence() {
    let row = |surplus: &str| format!("Username,Email,Ext,Role\nann,ann@example.com,1001,1,{surplus}\n");
    let message = |surplus: &str| {
        assessment(&assessments(&row(surplus), json!({}), &tenant())[0]).1[0]
            .message
            .clone()
    };
    let cells: Vec<String> = (1..=20).map(|n| format!("{n}{}", "x".repeat(150))).collect();
    let found = message(&cells.join(","));
    for cell in &cells {
        assert!(found.contains(cell), "{found}");
    }
    for surplus in [
        "y".repeat(32_000),
        format!("{}z", "\u{202E},".repeat(4_000)),
        "ü,".repeat(5_000),
    ] {
        let found = message(&surplus);
        assert!((8_000..9_000).contains(&found.len()), "{}", found.len());
        assert!(found.contains('…'), "{found}");
    }
}

#[test]
fn the_longest_sentences_are_read_back() {
    let hidden = "\u{202E}".repeat(200);
    let list = (0..9)
        .map(|n| format!("{n}{hidden}"))
        .collect::<Vec<_>>()
        .join(";");
    let cells = [
        &hidden, &hidden, &hidden, &list, &list, &list, &list, &hidden, &hidden, &hidden, &hidden, &hidden,
    ];
    let text = format!(
        "Username,Email,Ext,Role,Desks,Skill Groups,Tags,Device,First Name,Last Name\n{},{}\n",
        cells.map(String::as_str).join(","),
        "\u{202E},".repeat(4_000)
    );
    let settings = json!({ "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 } });
    assert_eq!(read(errors(&text, settings)).unwrap().record_count, 1);
}

#[test]
fn a_header_of_a_whole_sheet_does_not_swell_the_error_csv() {
    let rows: String = (0..500).map(|n| format!("u{n},bad,{},1\n", 1000 + n)).collect();
    let text = format!("Username,Email,Ext,Role{}\n{rows}", ",".repeat(16_380));
    let report = errors(&text, json!({}));
    assert!(report.len() < 200_000, "{} bytes", report.len());
    assert_eq!(read(report).unwrap().record_count, 500);
}

#[test]
fn no_sentence_repeats_a_password() {
    let text = "Username,Email,Ext,Role,SIP\n\
                ann,sip:ann:secret1@host,1001,1,sip:ann:secret2@host\n\
                bob,bob@example.com,1002,1,bob:secret3@host,carl:secret4@host,SIPS:dan:secret5@host\n";
    let rows = assessments(text, json!({ "sip": { "kind": "custom_uri" } }), &tenant());
    for row in &rows {
        let (outcome, problems) = assessment(row);
        assert_eq!(outcome, Outcome::Error);
        assert!(problems.len() >= 2, "{problems:?}");
        assert!(
            problems.iter().all(|problem| !problem.message.contains("secret")),
            "{problems:?}"
        );
    }
}

#[test]
fn the_success_csv_is_never_moved_in_memory() {
    // Whatever the cells are: with the largest growth by guard and quotes, too.
    for text in [
        "",
        "x",
        "\"",
        "=\"",
        "=\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
    ] {
        let row = SuccessRow {
            user_id: Some(i64::MIN),
            username: text,
            email: text,
            virtual_extension: text,
            password: Some(text),
            import_row: u32::MAX,
            password_expires: Some(text),
        };
        for count in [0, 1, 500] {
            // Asserted inside, where the memory is known.
            assert!(!success_csv(vec![row; count]).is_empty());
        }
    }
}
