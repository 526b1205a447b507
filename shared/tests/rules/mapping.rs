//! Which column holds which field.

use serde_json::{Value, json};
use shared::{
    field::Field,
    mapping::{Mapping, map, suggest},
    rejection::{Rejection, RejectionCode},
};
use strum::VariantArray;

use crate::{job, upload};

fn mapped(header: &str, settings: Value) -> Result<Mapping, Rejection> {
    map(&upload(format!("{header}\nx\n")).unwrap().header, &job(settings))
}

/// The columns by field, such as `username=0`.
#[track_caller]
fn assert_mapped(header: &str, settings: Value, expected: &str) {
    let mapping = mapped(header, settings).unwrap();
    let columns = Field::VARIANTS
        .iter()
        .filter_map(|&field| Some(format!("{field}={}", mapping.column(field)?)));
    assert_eq!(columns.collect::<Vec<_>>().join(" "), expected, "{header}");
}

#[track_caller]
fn assert_rejected(header: &str, settings: Value, code: RejectionCode, hints: &[&str]) {
    let rejection = mapped(header, settings).unwrap_err();
    assert_eq!(rejection.code, code, "{header}: {rejection}");
    for hint in hints {
        assert!(
            rejection.message.contains(hint),
            "{header}: {rejection} does not contain {hint:?}"
        );
    }
}

#[test]
fn the_header_maps_the_fields_by_itself() {
    assert_mapped(
        "E-Mail,USER_NAME, virtual-extension ,Roles,Phone,User Desk,Skill Group IDs,tag,Surname,given name",
        json!({}),
        "username=1 email=0 virtual_extension=2 role=3 desks=5 skill_groups=6 tags=7 first_name=9 last_name=8",
    );
    assert_mapped(
        "Login,Mail,Ext,Role ID",
        json!({}),
        "username=0 email=1 virtual_extension=2 role=3",
    );
    assert_mapped(
        "'=x,Login,Mail,Ext,Role",
        json!({}),
        "username=1 email=2 virtual_extension=3 role=4",
    );
}

#[test]
fn the_job_maps_columns_by_exact_or_similar_names() {
    let fields = json!({ "fields": {
        "username": { "column": "Kürzel" },
        "email": { "column": "post_ADRESSE" },
        "virtual_extension": { "column": "'=Nr" },
        "role": { "column": " - " },
        "desks": { "column": "Plätze" },
        "first_name": { "column": "Vorname" },
    } });
    assert_mapped(
        "Plätze,-,'=Nr,Postadresse,KÜRZEL,Vorname",
        fields,
        "username=4 email=3 virtual_extension=2 role=1 desks=0 first_name=5",
    );
}

#[test]
fn the_own_name_wins_over_a_synonym() {
    assert_mapped(
        "Login,Username,Extension,Ext,Virtual Extension,Mail,Email,Role,Role ID",
        json!({}),
        "username=1 email=6 virtual_extension=4 role=7",
    );
}

#[test]
fn two_columns_for_one_field_are_a_conflict() {
    let conflict = RejectionCode::MappingConflict;
    assert_rejected(
        "Login,Login Name,Email,Ext,Role",
        json!({}),
        conflict,
        &["columns 1 and 2", "username"],
    );
    assert_rejected(
        "Username,Email,Role,Ext,Extension",
        json!({}),
        conflict,
        &["columns 4 and 5"],
    );
    assert_rejected(
        "Username,Email,Roles,Role,Ext",
        json!({}),
        conflict,
        &["columns 3 and 4"],
    );
    // A column of our reports does not change the numbers that people see.
    assert_rejected(
        "Login,Import Row,Login Name,Email,Ext,Role",
        json!({}),
        conflict,
        &["columns 1 and 3"],
    );
}

#[test]
fn an_explicit_column_ends_the_conflict() {
    let fields = json!({ "fields": { "username": { "column": "login name" } } });
    assert_mapped(
        "Login,Login Name,Email,Ext,Role",
        fields,
        "username=1 email=2 virtual_extension=3 role=4",
    );
}

#[test]
fn an_explicit_column_is_not_matched_to_another_field() {
    let fields = json!({ "fields": { "first_name": { "column": "Login" } } });
    assert_mapped(
        "Login,Login Name,Email,Ext,Role",
        fields,
        "username=1 email=2 virtual_extension=3 role=4 first_name=0",
    );
    let fields = json!({ "fields": { "first_name": { "column": "Username" } } });
    assert_rejected(
        "Username,Email,Ext,Role",
        fields,
        RejectionCode::RequiredFieldUnmapped,
        &["username"],
    );
}

#[test]
fn a_column_that_is_named_for_the_pbx_device_alone_holds_the_virtual_extension_too() {
    let pbx = json!({
        "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        "fields": { "pbx_device": { "column": "Ext" } },
    });
    assert_mapped(
        "Username,Email,Ext,Role",
        pbx,
        "username=0 email=1 virtual_extension=2 role=3 pbx_device=2",
    );
}

#[test]
fn a_value_for_all_wins_over_a_matching_header() {
    let fields =
        json!({ "fields": { "role": { "value": 1 }, "desks": { "values": [3] }, "tags": { "values": [] } } });
    assert_mapped(
        "Username,Email,Ext,Role,Desk,Skill Group,Tag",
        fields,
        "username=0 email=1 virtual_extension=2 skill_groups=5",
    );
}

#[test]
fn generated_extensions_take_no_column_unless_it_is_named() {
    let header = "Username,Email,Extension,Role";
    let generate = json!({ "fields": { "virtual_extension": { "generate": true } } });
    assert_mapped(header, generate, "username=0 email=1 role=3");
    let both = json!({ "fields": { "virtual_extension": { "generate": true, "column": "Extension" } } });
    assert_mapped(header, both, "username=0 email=1 virtual_extension=2 role=3");
}

#[test]
fn columns_of_an_option_that_was_not_chosen_are_ignored() {
    let header = "Username,Email,Ext,Role,Device,SIP,Custom URI";
    let columns = "username=0 email=1 virtual_extension=2 role=3";
    assert_mapped(header, json!({}), columns);
    assert_mapped(header, json!({ "sip": { "kind": "builtin_pbx" } }), columns);
    assert_mapped(
        header,
        json!({ "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 } }),
        &format!("{columns} pbx_device=4"),
    );
    assert_rejected(
        header,
        json!({ "sip": { "kind": "custom_uri" } }),
        RejectionCode::MappingConflict,
        &["columns 6 and 7", "SIP URI"],
    );
    // Even where the job names them: neither missing nor shared columns matter.
    for column in ["nowhere", "Username"] {
        let fields =
            json!({ "fields": { "sip_uri": { "column": column }, "pbx_device": { "column": column } } });
        assert_mapped(header, fields, columns);
    }
}

#[test]
fn extension_and_device_may_share_a_column() {
    let settings = json!({
        "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        "fields": { "virtual_extension": { "column": "Ext" }, "pbx_device": { "column": "ext" } },
    });
    assert_mapped(
        "Username,Email,Ext,Role",
        settings,
        "username=0 email=1 virtual_extension=2 role=3 pbx_device=2",
    );
}

#[test]
fn other_fields_may_not_share_a_column() {
    let conflict = RejectionCode::MappingConflict;
    let fields = json!({ "fields": { "username": { "column": "Email" }, "email": { "column": "Email" } } });
    assert_rejected(
        "Username,Email,Ext,Role",
        fields,
        conflict,
        &["column 2", "username and email"],
    );
    let settings = json!({
        "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 },
        "fields": {
            "virtual_extension": { "column": "Ext" }, "pbx_device": { "column": "Ext" }, "tags": { "column": "Ext" },
        },
    });
    assert_rejected("Username,Email,Ext,Role", settings, conflict, &["column 3"]);
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let fields = json!({ "fields": { "username": { "column": "Kürzel" }, "desks": { "column": "" } } });
    assert_rejected(
        "Email,Ext,Role",
        fields,
        RejectionCode::ColumnNotFound,
        &["\"Kürzel\" for username", "desks", "line 1"],
    );
    let report = json!({ "fields": { "username": { "column": "Import Row" } } });
    assert_rejected(
        "Email,Ext,Role,Import Row",
        report,
        RejectionCode::ColumnNotFound,
        &["Import Row"],
    );
}

#[test]
fn required_fields_must_come_from_somewhere() {
    let unmapped = RejectionCode::RequiredFieldUnmapped;
    assert_rejected(
        "Username",
        json!({}),
        unmapped,
        &["email, virtual extension, role"],
    );
    let sip = |kind: &str| json!({ "sip": { "kind": kind } });
    assert_rejected(
        "Username,Email,Ext,Role",
        sip("custom_uri"),
        unmapped,
        &["SIP URI"],
    );
    let pbx = json!({ "sip": { "kind": "classic_pbx", "pbx_domain_id": 7 } });
    assert_rejected("Username,Email,Ext,Role", pbx, unmapped, &["PBX device"]);
}

#[test]
fn a_title_that_names_a_field_by_chance_is_not_taken_for_the_header() {
    for (above, advice) in [
        ("Role,,,", "line 2 looks like the header: delete line 1"),
        (
            "Tags,,,\n,,,",
            "line 3 looks like the header: delete the lines above it",
        ),
    ] {
        let message = mapped(&format!("{above}\nUsername,Email,Ext,Role"), json!({}))
            .unwrap_err()
            .message;
        assert!(message.ends_with(advice), "{message}");
    }
    // No user is above what is deleted.
    for header in [
        "Username,Email\nann,ann@example.com\nUsername,Email,Ext,Role",
        "Username,Email\nUsername,Email",
    ] {
        let message = mapped(header, json!({})).unwrap_err().message;
        assert!(!message.contains("delete"), "{message}");
    }
}

#[test]
fn what_can_stand_in_place_of_a_column_is_told_for_the_fields_that_need_one() {
    let message = |header: &str, settings: Value| mapped(header, settings).unwrap_err().message;
    let (generate, for_all) = (
        "the Dialer can also generate the virtual extensions",
        "one role can also be chosen for all users",
    );
    for (header, told) in [
        (
            "Username,Mail",
            format!("choose one for each, or name the columns like the fields; {generate}, and {for_all}"),
        ),
        (
            "Username,Mail,Role",
            format!("choose one, or name the column like the field; {generate}"),
        ),
        (
            "Username,Mail,Ext",
            format!("choose one, or name the column like the field; {for_all}"),
        ),
        (
            "Username,Role,Ext",
            "choose one, or name the column like the field".to_owned(),
        ),
    ] {
        let message = message(header, json!({}));
        assert!(message.ends_with(&told), "{message}");
    }
}

#[test]
fn a_password_in_a_first_row_without_a_header_is_not_repeated() {
    let secret = "sip:ann:geheim@pbx.example.com";
    let rejections = [
        mapped(&format!("ann,ann@example.com,{secret}"), json!({})),
        mapped(
            &format!("ann,ann@example.com,{secret}"),
            json!({ "fields": { "username": { "column": "Kürzel" } } }),
        ),
        mapped(
            &format!("Username,Email,{secret}"),
            json!({ "fields": { "first_name": { "column": secret }, "last_name": { "column": secret } } }),
        ),
    ];
    for rejection in rejections {
        let rejection = rejection.unwrap_err();
        assert!(!rejection.message.contains("geheim"), "{rejection}");
    }
}

#[test]
fn what_parts_the_names_of_a_header_is_told() {
    for (header, hint) in [
        ("Username:Email:Ext:Role", "separated by \":\""),
        ("Username，Email，Ext", "separated by \"，\""),
        ("Username^Email", "separated by \"^\""),
        ("Username Email Ext Role", "separated by spaces"),
        ("Username    Email    Ext", "separated by spaces"),
        ("\"Username,Email,Ext\"", "each line stands in double quotes"),
        (
            "Vorgesetzter:Abteilung",
            "if it is the header, name its columns so",
        ),
    ] {
        assert_rejected(header, json!({}), RejectionCode::MissingHeader, &[hint]);
    }
}

#[test]
fn a_first_row_of_data_is_no_header_and_no_event_repeats_it() {
    let rejection = mapped("\n\nann,ann@example.com,1001,1", json!({})).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::MissingHeader);
    assert!(rejection.message.contains("line 3"), "{rejection}");
    assert!(!rejection.message.contains("ann"), "{rejection}");
    // Mapping the columns by a line with a user would lose that user.
    assert!(
        rejection
            .message
            .contains("line 3 looks like a user, not like a header: add a header above it")
            && !rejection.message.contains("map the"),
        "{rejection}"
    );
    assert!(
        !rejection.event_message().contains("ann"),
        "{}",
        rejection.event_message()
    );
    let fixed = json!({ "fields": { "role": { "value": 1 } } });
    assert_rejected("ann,ann@example.com", fixed, RejectionCode::MissingHeader, &[]);
    let named = json!({ "fields": { "username": { "column": "Kürzel" } } });
    assert_rejected(
        "ann,ann@example.com",
        named,
        RejectionCode::ColumnNotFound,
        &["Kürzel"],
    );
}

#[test]
fn a_name_that_is_needed_must_not_stand_twice_in_the_header() {
    let duplicate = RejectionCode::DuplicateHeader;
    assert_rejected(
        "Username,Email,Ext,Role,user_name",
        json!({}),
        duplicate,
        &["columns 1 and 5", "line 1"],
    );
    let by_phone = |name: &str| json!({ "fields": { "username": { "column": name } } });
    assert_rejected(
        "Phone,Email,PHONE,Ext,Role",
        by_phone("phone"),
        duplicate,
        &["columns 1 and 3"],
    );
    // The exact name says which is meant; a name that no field needs, an empty one and those of our reports may occur
    // twice.
    assert!(mapped("Phone,Email,PHONE,Ext,Role", by_phone("PHONE")).is_ok());
    assert!(
        mapped(
            "Username,Email,Ext,Role,Phone,PHONE,,,-,_,Import Row,Import Row",
            json!({})
        )
        .is_ok()
    );
}

#[test]
fn problems_of_the_mapping_are_reported_in_their_order() {
    let fields = json!({ "fields": {
        "username": { "column": "Email" }, "email": { "column": "Email" }, "tags": { "column": "nowhere" },
    } });
    assert_rejected("Email", fields, RejectionCode::ColumnNotFound, &[]);
    assert_rejected("Login,Login Name", json!({}), RejectionCode::MappingConflict, &[]);
}

#[test]
fn suggestions_leave_the_choice_open() {
    let header = ["Login", "Login Name", "Mail", "Email", "SIP", "Phone"].map(str::to_owned);
    let suggestions: Vec<_> = suggest(&header).into_iter().collect();
    assert_eq!(
        suggestions,
        [
            (Field::Username, vec![0, 1]),
            (Field::Email, vec![3]),
            (Field::SipUri, vec![4])
        ]
    );
}
