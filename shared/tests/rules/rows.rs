//! What the fields of a row may be, each on its own.

use serde_json::{Value, json};
use shared::{
    assess::{Assessment, NewUser},
    contract::Id,
};

use crate::{assessment, assessments, summaries, summary, tenant, upload};

const HEADER: &str = "Username,Email,Virtual Extension,Role,Desks,Skill Groups,Tags,First Name,Last Name";
const ANN: [&str; 9] = ["ann", "ann@example.com", "1001", "1", "", "", "", "", ""];

/// A row like [`ANN`]'s, but for one cell.
fn with(column: usize, cell: &str) -> String {
    let mut cells = ANN.map(str::to_owned);
    cells[column] = format!("\"{}\"", cell.replace('"', "\"\""));
    format!("{HEADER}\n{}\n", cells.join(","))
}

fn user(text: &str, settings: Value) -> NewUser {
    match assessments(text, settings, &tenant()).remove(0).assessment {
        Assessment::Valid(user) => *user,
        Assessment::Refused { problems, .. } => panic!("{problems:?}"),
    }
}

fn ids(ids: &[Id]) -> Vec<i64> {
    ids.iter().map(|id| id.get()).collect()
}

#[test]
fn a_row_becomes_a_user() {
    let text = format!(
        "{HEADER}\n \u{A0}Ann ,Ann@Example.com, 0100,2;1|2, 4 | 3,5,\"6,\",Zoe\u{308},\u{A0}O'Neil\n"
    );
    let user = user(&text, json!({}));
    assert_eq!((user.username.as_str(), user.username.key()), ("Ann", "ann"));
    assert_eq!(
        (user.email.as_str(), user.email.key()),
        ("Ann@example.com", "ann@example.com")
    );
    assert_eq!(
        (user.virtual_extension.as_str(), user.extension_generated),
        ("0100", false)
    );
    assert_eq!(ids(&user.roles), [2, 1]);
    assert_eq!(ids(&user.desks), [4, 3]);
    assert_eq!((ids(&user.skill_groups), ids(&user.tags)), (vec![5], vec![6]));
    assert_eq!(user.first_name.as_ref().map(|name| name.as_str()), Some("Zoë"));
    assert_eq!(user.last_name.as_ref().map(|name| name.as_str()), Some("O'Neil"));
    assert_eq!((user.pbx_device, user.sip_uri), (None, None));
}

#[test]
fn optional_fields_may_be_blank() {
    let user = user(&with(4, " ;\u{A0}, "), json!({}));
    assert_eq!((ids(&user.desks), user.first_name), (vec![], None));
}

#[test]
fn each_field_gets_the_first_code_of_form() {
    let long = |length: usize| "x".repeat(length);
    for (column, cell, expected) in [
        (0, " \u{A0}".to_owned(), "username required"),
        (0, long(65), "username too_long"),
        (0, format!("{}\0", long(64)), "username too_long"),
        (0, "ann\u{7}lee".to_owned(), "username invalid_characters"),
        (0, "ann lee".to_owned(), "username invalid_characters"),
        (1, String::new(), "email required"),
        (1, format!("{}@example.com", long(243)), "email too_long"),
        (1, "ann\0@".to_owned(), "email invalid_characters"),
        (1, "ann@example".to_owned(), "email invalid_format"),
        (2, String::new(), "virtual_extension required"),
        (2, "10\n01".to_owned(), "virtual_extension invalid_characters"),
        (2, "1.00E+03".to_owned(), "virtual_extension spreadsheet_damage"),
        (2, "1".to_owned(), "virtual_extension invalid_format"),
        (2, "12345678901".to_owned(), "virtual_extension invalid_format"),
        (3, String::new(), "role required"),
        (3, " ; ,".to_owned(), "role required"),
        (3, "=\"\"".to_owned(), "role required"),
        (3, "1\t2".to_owned(), "role invalid_characters"),
        (3, "1;x".to_owned(), "role unknown_reference"),
        (3, "1;99".to_owned(), "role unknown_reference"),
        (4, "3;4;5".to_owned(), "desks unknown_reference"),
        (4, "3\0".to_owned(), "desks invalid_characters"),
        (5, "5;6".to_owned(), "skill_groups unknown_reference"),
        (6, "1.0".to_owned(), "tags unknown_reference"),
        (7, long(101), "first_name too_long"),
        (7, "A\u{1}".to_owned(), "first_name invalid_characters"),
        (8, "A\u{202E}B".to_owned(), "last_name invalid_characters"),
    ] {
        let rows = assessments(&with(column, &cell), json!({}), &tenant());
        assert_eq!(summaries(&rows), [format!("error: {expected}")], "{cell:?}");
    }
}

#[test]
fn the_sentence_says_what_is_in_the_cell() {
    let long_domain = format!("ann@{}com", "ü.".repeat(40));
    for (column, cell, told) in [
        (0, "O´Neil", "has \"´\" (U+00B4) as character 2: use letters"),
        (
            0,
            "an\u{200B}n",
            "has an invisible character (U+200B) as character 3: clear the cell and type the username again",
        ),
        (
            0,
            "an\u{FFFD}",
            "has a \"\u{FFFD}\" (U+FFFD) where a letter was lost when the file was saved: type the username again",
        ),
        (
            7,
            "J\u{FFFD}rg",
            "has a \"\u{FFFD}\" (U+FFFD) where a letter was lost when the file was saved: type the first name again",
        ),
        (
            1,
            "j\u{FFFD}rg@example.com",
            "(there is a \"\u{FFFD}\" (U+FFFD) where a letter was lost",
        ),
        (
            0,
            "\u{430}dam",
            "mixes alphabets (Cyrillic, Latin), whose letters may look alike; character 1, \"\u{430}\", is Cyrillic: type it",
        ),
        (
            1,
            "Jörg Müller <jm@x.example>",
            "(there is a name or brackets around it): keep only the address between < and >.",
        ),
        (
            1,
            "ann @x.example",
            "(there is a space in it (character 4)): keep only the address",
        ),
        (
            0,
            "ﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃﬃ",
            "is too long in the form in which it is stored, at most 64",
        ),
        (
            1,
            &long_domain,
            "is too long in the form in which it is stored, at most 254",
        ),
        (
            0,
            &"x".repeat(65),
            "has 65 characters, but at most 64 are allowed: shorten it.",
        ),
        (3, ";", "Role \";\" has no ID: type the ID"),
        (3, "0001", "IDs have no leading zeros."),
        (3, "1;99", "copy the ID from Users > Roles in the Dialer."),
        (
            3,
            "1.00E+03",
            "is not the ID of an active role of this tenant: copy the ID",
        ),
        (
            3,
            "1;x",
            "but looks like a name: choose what it stands for when mapping the fields, or type its ID from Users > Roles",
        ),
        (
            3,
            "10\u{200B}",
            "There is an invisible character in it: clear the cell",
        ),
        (3, "1\n2", "has a line break in it: put ;"),
        (
            0,
            "an\u{7}n",
            "has an invisible control character (U+0007) in it: clear the cell and type the value again",
        ),
        (2, "####", "a column that was too narrow"),
        (
            2,
            "#REF!",
            "is an error value of a spreadsheet: replace it with the right value.",
        ),
        (
            3,
            "1;#REF!",
            "has an error value of a spreadsheet in it: replace that with",
        ),
        (7, "#REF!", "or leave the cell blank."),
        (
            2,
            "1-Jan",
            "looks like a date that a spreadsheet made of it: format the column as text",
        ),
        (2, "١٠٠١", "(its digits are not the plain 0 to 9): type it again."),
        (
            7,
            "\\\"Ann",
            "has double quotes (\") in the wrong place: remove them, and any \\ before them;",
        ),
    ] {
        let rows = assessments(&with(column, cell), json!({}), &tenant());
        let message = &assessment(&rows[0]).1[0].message;
        assert!(message.contains(told), "{cell:?}: {message}");
    }
}

#[test]
fn a_password_is_only_told_where_the_value_is_hidden() {
    for (uri, told) in [
        (
            "ann:geheim@pbx.example",
            "there is a password in it): remove the password and the : before it.",
        ),
        (
            "sip:ann:geheim@pbx.example",
            "there is a password in it): remove the password and the : before it.",
        ),
        (
            "ann:@pbx.example",
            "\"ann:@pbx.example\" is not a SIP URI like user@host or sip:user@host:5060 (there is a : before the @): remove the :.",
        ),
        (
            "Device: ann@pbx.example",
            "(there is a : before the @): remove the : and everything before it.",
        ),
        (
            &format!("sip:ann@{}", "x".repeat(252)),
            "is too long, at most 255 characters are allowed, not counting the sip: before it: type one SIP URI only",
        ),
    ] {
        let text = format!("Username,Email,Ext,Role,SIP URI\nann,ann@example.com,1001,1,{uri}\n");
        let rows = assessments(&text, json!({ "sip": { "kind": "custom_uri" } }), &tenant());
        let message = &assessment(&rows[0]).1[0].message;
        assert!(message.contains(told), "{message}");
        assert!(!message.contains("geheim"), "{message}");
    }
}

#[test]
fn an_extension_that_only_marks_text_is_generated() {
    let text = "Username,Email,Ext,Role\nann,ann@example.com,\"=\"\"\"\"\",1\n";
    let fill = json!({ "fields": { "virtual_extension": { "generate": true, "column": "Ext" } } });
    assert_eq!(summaries(&assessments(text, fill, &tenant())), ["ann 101"]);
}

#[test]
fn surplus_is_told_with_the_separator_of_the_file() {
    for (text, told) in [
        (
            "Username,Email,Ext,Role\nann,ann@example.com,1001,1,x\n",
            "The row has text in 1 cell beyond the last column (\"x\"): perhaps a comma inside a value moved",
        ),
        (
            "Username;Email;Ext;Role\nann;ann@example.com;1001;1;x;y\n",
            "The row has text in 2 cells beyond the last column (\"x\", \"y\"): perhaps a semicolon inside",
        ),
    ] {
        let rows = assessments(text, json!({}), &tenant());
        let message = &assessment(&rows[0]).1[0].message;
        assert!(message.contains(told), "{message}");
    }
}

#[test]
fn all_problems_of_a_row_are_reported_by_field() {
    let text = format!("{HEADER}\nann lee,ann,1.0,,x,0,7,{},A\0B,more\n", "x".repeat(101));
    assert_eq!(
        summaries(&assessments(&text, json!({}), &tenant())),
        [
            "error: username invalid_characters, email invalid_format, virtual_extension spreadsheet_damage, \
          role required, desks unknown_reference, skill_groups unknown_reference, tags unknown_reference, \
          first_name too_long, last_name invalid_characters, row wrong_column_count"
        ]
    );
}

#[test]
fn a_short_row_is_read_as_if_the_missing_cells_were_blank() {
    let text = format!("{HEADER}\nann,ann@example.com,1001,1\nbob,bob@example.com\n");
    assert_eq!(
        summaries(&assessments(&text, json!({}), &tenant())),
        ["ann 1001", "error: virtual_extension required, role required"]
    );
}

#[test]
fn a_row_with_surplus_cells_is_validated_like_any_other() {
    let text = "Username,Email,Ext,Role\nann,ann@example.com,1001,1,x\nann,b,1001,1,,\nbob,bob@example.com,1002,1, ,\n";
    assert_eq!(
        summaries(&assessments(text, json!({}), &tenant())),
        [
            "error: row wrong_column_count",
            "error: username duplicate_in_file, email invalid_format",
            "bob 1002",
        ]
    );
}

#[test]
fn values_for_all_take_the_place_of_columns() {
    let text = "Username,Email,Ext,Desks,Role\nann,ann@example.com,1001,nonsense,nonsense\n";
    let user = user(
        text,
        json!({ "fields": { "role": { "value": 2 }, "desks": { "values": [4, 3, 4] } } }),
    );
    assert_eq!((ids(&user.roles), ids(&user.desks)), (vec![2], vec![4, 3]));
}

#[test]
fn a_device_is_read_for_the_classic_pbx_only() {
    let text = "Username,Email,Ext,Role,Device\n\
                ann,ann@example.com,1001,1,0012345678901\n\
                bob,bob@example.com,1002,1,\n\
                cid,cid@example.com,1003,1,1E3\n\
                dan,dan@example.com,1004,1,x\n";
    let classic = json!({ "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 } });
    let rows = assessments(text, classic.clone(), &tenant());
    assert_eq!(
        summaries(&rows),
        [
            "ann 1001",
            "error: pbx_device required",
            "error: pbx_device spreadsheet_damage",
            "error: pbx_device invalid_format",
        ]
    );
    let long = format!(
        "Username,Email,Ext,Role,Device\nann,ann@example.com,1001,1,{}\n",
        "7".repeat(33)
    );
    let rows = assessments(&long, classic.clone(), &tenant());
    assert_eq!(summaries(&rows), ["error: pbx_device invalid_format"]);
    assert!(assessment(&rows[0]).1[0].message.contains("at most 32 digits"));
    assert_eq!(user(text, classic).pbx_device.unwrap().as_str(), "0012345678901");
    assert_eq!(summary(&assessments(text, json!({}), &tenant())[3]), "dan 1004");
    assert_eq!(user(text, json!({})).pbx_device, None);
}

#[test]
fn extension_and_device_of_one_column_are_both_checked() {
    let text = "Username,Email,Ext,Role\nann,ann@example.com,1001,1\nbob,bob@example.com,,1\ncid,cid@example.com,12345678901,1\n";
    let settings = json!({
        "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        "fields": { "virtual_extension": { "column": "Ext", "generate": true }, "pbx_device": { "column": "Ext" } },
    });
    assert_eq!(
        summaries(&assessments(text, settings, &tenant())),
        [
            "ann 1001",
            "error: pbx_device required",
            "error: virtual_extension invalid_format"
        ]
    );
}

#[test]
fn a_sip_uri_is_read_for_custom_uri_only() {
    let text = format!(
        "Username,Email,Ext,Role,SIP URI\n\
         ann,ann@example.com,1001,1,SIP:ann@PBX.example.com:5060\n\
         bob,bob@example.com,1002,1,\n\
         cid,cid@example.com,1003,1,cid@{}\n\
         dan,dan@example.com,1004,1,dan\n",
        "x".repeat(252)
    );
    let custom = json!({ "sip": { "kind": "custom_uri" } });
    assert_eq!(
        summaries(&assessments(&text, custom.clone(), &tenant())),
        [
            "ann 1001",
            "error: sip_uri required",
            "error: sip_uri too_long",
            "error: sip_uri invalid_format"
        ]
    );
    assert_eq!(
        user(&text, custom).sip_uri.unwrap().as_str(),
        "sip:ann@pbx.example.com:5060"
    );
    assert_eq!(summary(&assessments(&text, json!({}), &tenant())[3]), "dan 1004");
}

#[test]
fn a_guarded_cell_is_read_without_its_guard() {
    let text = "Username,Email,Ext,Role\n'@ann,'=ann@example.com,'+1,1\n";
    let rows = assessments(text, json!({}), &tenant());
    assert_eq!(summaries(&rows), ["error: virtual_extension invalid_format"]);
    assert!(assessment(&rows[0]).1[0].message.contains("\"+1\""));
    // After a blank too, and only where a formula could begin.
    let rows = assessments(
        "Username,Email,Ext,Role\n '@ann,ann@example.com,11,1\nb'@b,bob@example.com,12,1\n",
        json!({}),
        &tenant(),
    );
    assert_eq!(
        summaries(&rows),
        ["@ann 11", "error: username invalid_characters"]
    );
}

#[test]
fn what_must_be_looked_up_is_what_is_of_right_form() {
    let upload = upload(
        "Username,Email,Ext,Role,Desks\n\
         Straße,ANN@example.com,0100,2;1,3\n\
         a b,x,1,x,\n\
         zoe,zoe@example.com,,2,4;y\n",
    )
    .unwrap();
    let job = crate::job(json!({
        "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        "fields": {
            "virtual_extension": { "column": "Ext", "generate": true },
            "pbx_device": { "column": "Ext" },
            "tags": { "values": [6, 8] },
        },
    }));
    let mapping = shared::mapping::map(&upload.header, &job).unwrap();
    let file = upload.records(|column| mapping.is_mapped(column)).unwrap();
    let lookups = shared::row::lookups(&shared::row::read(&file, &mapping, &job), &job);
    assert_eq!(lookups.roles, [1, 2].into());
    assert_eq!(lookups.desks, [3, 4].into());
    assert_eq!(lookups.skill_groups, [].into());
    assert_eq!(lookups.tags, [6, 8].into());
    assert_eq!(lookups.pbx_domains, [7].into());
    assert_eq!(lookups.usernames, ["strasse".to_owned(), "zoe".to_owned()].into());
    assert_eq!(
        lookups.emails,
        ["ann@example.com".to_owned(), "zoe@example.com".to_owned()].into()
    );
    assert_eq!(lookups.extensions, ["0100".to_owned()].into());
    assert!(lookups.extension_range);
}
