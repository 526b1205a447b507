//! What a file may be, and why it is rejected.

use shared::{
    file::{Delimiter, Encoding, SourceFile, check_row_count},
    limits::Limits,
    rejection::{Rejection, RejectionCode},
};

use crate::read;

fn read_with(bytes: &[u8], limits: &Limits) -> Result<SourceFile, Rejection> {
    shared::file::read(bytes, None, limits)?.all_records()
}

fn cells(text: &str) -> Vec<Vec<String>> {
    read(text)
        .unwrap()
        .records
        .into_iter()
        .map(|record| record.cells)
        .collect()
}

#[track_caller]
fn assert_rejected(bytes: impl AsRef<[u8]>, code: RejectionCode, hint: &str) {
    let rejection = read(bytes).unwrap_err();
    assert_eq!(rejection.code, code, "{rejection}");
    assert!(
        rejection.message.contains(hint),
        "{rejection} does not contain {hint:?}"
    );
}

#[test]
fn the_same_users_are_read_from_every_kind_of_file() {
    let text = "Username,Email\r\nzoë,zoe@example.com\r\n";
    let wide: Vec<u16> = text.replace(',', "\t").encode_utf16().collect();
    let with = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    let legacy = text
        .replace(',', ";")
        .replace('ë', "\u{1}")
        .bytes()
        .map(|b| if b == 1 { 0xEB } else { b })
        .collect();
    for (bytes, encoding, delimiter) in [
        (text.into(), Encoding::UTF_8, Delimiter::Comma),
        (
            with(b"\xEF\xBB\xBF", text.replace("\r\n", "\n").into()),
            Encoding::UTF_8,
            Delimiter::Comma,
        ),
        (
            text.replace("\r\n", "\r").replace(',', "|").into(),
            Encoding::UTF_8,
            Delimiter::Pipe,
        ),
        (
            format!("sep=;\r\n{}", text.replace(',', ";")).into(),
            Encoding::UTF_8,
            Delimiter::Semicolon,
        ),
        (
            with(b"\xFF\xFE", wide.iter().flat_map(|u| u.to_le_bytes()).collect()),
            Encoding::UTF_16LE,
            Delimiter::Tab,
        ),
        (
            with(b"\xFE\xFF", wide.iter().flat_map(|u| u.to_be_bytes()).collect()),
            Encoding::UTF_16BE,
            Delimiter::Tab,
        ),
        (legacy, Encoding::WINDOWS_1252, Delimiter::Semicolon),
    ] {
        let bytes: Vec<u8> = bytes;
        let file = read(&bytes).unwrap();
        assert_eq!(
            (file.encoding, file.delimiter),
            (encoding, delimiter),
            "{bytes:?}"
        );
        assert_eq!(file.header.names, ["Username", "Email"]);
        assert_eq!(file.records.len(), 1);
        assert_eq!(file.records[0].cells, ["zoë", "zoe@example.com"]);
    }
}

#[test]
fn rows_and_lines_are_counted_apart() {
    let file = read("\n;;\nsep=;\n\nA;B\n;\na;\"x\ny\"\n\n \u{A0};\"\"\nb;c\n").unwrap();
    assert_eq!(file.header.line, 5);
    let places: Vec<(u32, u32)> = file
        .records
        .iter()
        .map(|record| (record.row, record.line))
        .collect();
    assert_eq!(places, [(1, 7), (2, 11)]);
    assert_eq!(file.record_count, 2);
}

#[test]
fn short_rows_are_filled_up_and_long_rows_have_surplus() {
    let file = read("A,B,C\na\na,b,c,,\na,b,c,, d ,e,f,g\n,,,x\n").unwrap();
    let surplus: Vec<usize> = file.records.iter().map(|record| record.surplus.count).collect();
    assert_eq!(surplus, [0, 0, 4, 1]);
    assert_eq!(file.records[0].cell(2), "");
    assert_eq!(file.records[1].cells, ["a", "b", "c"]);
    assert_eq!(file.records[2].surplus.kept, [" d ", "e", "f", "g"]);
    assert_eq!(file.records[3].cells, Vec::<String>::new());
}

#[test]
fn cells_are_kept_as_they_were_but_for_the_formula_guard() {
    let text = "A,'=B\n \" x\",'=1\n'+1,''=2\n'tis,\" \"\"q\"\" \"\n";
    assert_eq!(read(text).unwrap().header.names, ["A", "=B"]);
    assert_eq!(
        cells(text),
        [[" \" x\"", "=1"], ["+1", "'=2"], ["'tis", " \"q\" "]]
    );
}

#[test]
fn nameless_columns_are_kept() {
    let file = read("A,, \n1,2,3\n").unwrap();
    assert_eq!(file.header.names, ["A", "", " "]);
    assert_eq!(file.records[0].cells, ["1", "2", "3"]);
}

#[test]
fn the_columns_of_our_reports_are_left_out_wherever_they_stand() {
    let file = read(
        "import_row,A,IMPORT LINE,B,Import Result,Import Error Codes,Import Errors,C\n\
         1,a,2,b,error,required,x,c\n\
         2,,3,,error,required,x\n\
         ,d\n",
    )
    .unwrap();
    assert_eq!(file.header.names, ["A", "B", "C"]);
    assert_eq!(file.header.column_numbers, [2, 4, 8]);
    let rows: Vec<&[String]> = file
        .records
        .iter()
        .map(|record| record.cells.as_slice())
        .collect();
    assert_eq!(rows, [&["a", "b", "c"][..], &["d"]]);
    assert_eq!(file.records[1].row, 2);
}

#[test]
fn what_is_no_report_in_the_columns_of_a_report_is_surplus() {
    let header = "A,Desks,Import Row,Import Line,Import Result,Import Error Codes,Import Errors";
    let surplus = |header: &str, row: &str| {
        read(format!("{header}\n{row}\n")).unwrap().records[0]
            .surplus
            .kept
            .clone()
    };
    for row in [
        "a,3,1,2,error,required,x",
        "a,3,1,2,duplicate",
        "a,3, 1 , 2 , Cancelled ,,x",
        "a,3,1,2,error,,my own note",
        "a,3,,,,,",
        "a,3, ,\u{A0}",
        "a,3",
        "a",
    ] {
        assert_eq!(surplus(header, row), Vec::<String>::new(), "{row}");
    }
    for (row, expected) in [
        ("a,3,4,3", &["4", "3"][..]),
        ("a,3,4", &["4"]),
        ("a,3,,,,,x", &["x"]),
        (
            "a,3,4,1,2,error,required,Role is blank",
            &["4", "1", "2", "error", "required", "Role is blank"],
        ),
        ("a,3,4,,error", &["4", "error"]),
        ("a,3,4,5,6", &["4", "5", "6"]),
    ] {
        assert_eq!(surplus(header, row), expected, "{row}");
    }
    // Deleted columns are not missed.
    assert_eq!(
        surplus("A,Import Row,Import Errors", "a,1,x"),
        Vec::<String>::new()
    );
    assert_eq!(surplus("A,Import Result", "a,my note"), ["my note"]);
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_looked_at() {
    let limits = Limits {
        max_file_bytes: 4,
        ..Limits::default()
    };
    assert_eq!(
        read_with(b"PK\x03\x04\0", &limits).unwrap_err().code,
        RejectionCode::FileTooLarge
    );
    let rejection = shared::file::too_large(5 * 1024 * 1024 + 700 * 1024, &Limits::default());
    assert!(
        rejection
            .message
            .starts_with("the file is 5.7 MB, but at most 5 MB are allowed: "),
        "{rejection}"
    );
    assert_eq!(
        read_with(b"PK\x03\x04", &limits).unwrap_err().code,
        RejectionCode::NotCsv
    );
    assert_eq!(read_with(b"A\nb\n", &limits).unwrap().record_count, 1);
    let default = Limits::default();
    assert_eq!(default.max_file_bytes, 5 * 1024 * 1024);
    assert_eq!(
        (default.max_rows, default.max_columns, default.max_cell_bytes),
        (500, 256, 32768)
    );
}

#[test]
fn the_first_reason_to_refuse_a_file_is_reported() {
    assert_rejected(b"<html>\x9D", RejectionCode::NotCsv, "web page");
    assert_rejected(b"A,B\n\"\x9D", RejectionCode::Undecodable, "line 2");
    assert_rejected("A,B\n\"a", RejectionCode::MalformedCsv, "line 2");
    assert_rejected("\"A,B", RejectionCode::MalformedCsv, "line 1");
    assert_rejected("\n\"", RejectionCode::MalformedCsv, "line 2");
}

#[test]
fn a_quote_in_a_name_of_the_header_is_told_with_its_column() {
    let rejection = read("Username,Size 5\",Email\nann,x,ann@example.com\n").unwrap_err();
    assert_eq!(rejection.code, RejectionCode::MalformedCsv);
    assert!(
        rejection
            .message
            .starts_with("column 2 (\"Size 5\"\") of the header in line 1 has a double quote"),
        "{rejection}"
    );
    assert!(
        !rejection.event_message().contains("Size"),
        "{}",
        rejection.event_message()
    );
}

#[test]
fn a_file_without_users_is_refused() {
    for text in [
        "",
        ";;\n,,\n",
        "\u{FEFF}",
        "\r\n\n ,\u{A0},\n",
        "sep=;\n",
        "sep=;",
    ] {
        assert_rejected(text, RejectionCode::EmptyFile, "no text");
    }
    for text in [
        "Username,Email",
        "Username,Email\n,\n \u{A0}\n\"\"\n",
        "A,Import Row\n,7\n",
    ] {
        assert_rejected(text, RejectionCode::EmptyFile, "no users");
    }
    assert_rejected(
        "\nann,ann@example.com,1001,1\n",
        RejectionCode::EmptyFile,
        "only row, in line 2, was taken for the header",
    );
}

#[test]
fn only_named_columns_count_towards_the_limit() {
    let header = |count: usize| (1..=count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let report = "Import Row,Import Line,Import Result,Import Error Codes,Import Errors";
    for text in [
        format!("{}\na\n", header(256)),
        format!("{}{}\na\n", header(256), ",".repeat(10_000)),
        format!("{},{report}\na\n", header(256)),
        format!("{report},{},,\n,,,,,a\n", header(256)),
        // The limit applies to columns, so a long row is a problem of that row.
        format!("a\n{}\n", header(300)),
    ] {
        assert!(read(&text).is_ok());
    }
    assert_rejected(
        format!("{}\na\n", header(257)),
        RejectionCode::MalformedCsv,
        "257 columns",
    );
    assert_rejected(
        format!("{},,c257\na\n", header(255)),
        RejectionCode::MalformedCsv,
        "257 columns",
    );
    assert_rejected(
        format!("a{}\na\n", ",".repeat(20_000)),
        RejectionCode::MalformedCsv,
        "20001 columns",
    );
}

#[test]
fn a_cell_is_limited_by_its_bytes() {
    let text = |cell: &str| format!("A\n{cell}\n");
    assert!(read(text(&"x".repeat(32768))).is_ok());
    assert!(read(text(&format!("'={}", "x".repeat(32767)))).is_ok());
    assert_rejected(text(&"x".repeat(32769)), RejectionCode::MalformedCsv, "line 2");
    assert_rejected(text(&"ä".repeat(16385)), RejectionCode::MalformedCsv, "line 2");
    assert_rejected("x".repeat(40_000), RejectionCode::MalformedCsv, "line 1");
}

#[test]
fn cells_in_nameless_columns_take_bounded_memory() {
    let row = format!("{}x\n", ",".repeat(5_000));
    let text = format!("A{}\n{}", ",".repeat(5_000), row.repeat(500));
    assert_rejected(text, RejectionCode::MalformedCsv, "without a name");
}

#[test]
fn one_filled_cell_far_out_does_not_widen_every_row() {
    let text = format!(
        "A{}\n{}x\n{}",
        ",".repeat(5_000),
        ",".repeat(5_000),
        "a\n".repeat(499)
    );
    assert_rejected(text, RejectionCode::MalformedCsv, "without a name");
}

#[test]
fn nameless_columns_at_the_end_are_kept_up_to_the_last_filled_one() {
    let file = read(format!("A{}\n1,,x,,\n2\n", ",".repeat(16_000))).unwrap();
    assert_eq!(
        (file.header.names, file.header.column_numbers),
        (vec!["A".into(), String::new(), String::new()], vec![1, 2, 3])
    );
    let file = read("A,Import Row,B,,\n1,2,3\n").unwrap();
    assert_eq!(
        (file.header.names, file.header.column_numbers),
        (vec!["A".into(), "B".into()], vec![1, 3])
    );
}

#[test]
fn rows_over_the_limit_are_counted_but_not_kept() {
    let limits = Limits {
        max_rows: 2,
        ..Limits::default()
    };
    let file = read_with(b"A\n1\n\n2\n", &limits).unwrap();
    assert_eq!(check_row_count(&file, &limits), Ok(()));
    let file = read_with(b"A\n1\n2\n3\n4\n", &limits).unwrap();
    assert_eq!((file.records.len(), file.record_count), (2, 4));
    let rejection = check_row_count(&file, &limits).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::TooManyRows);
    assert!(
        rejection.message.contains("4 rows, but at most 2 are allowed"),
        "{rejection}"
    );
    assert_eq!(
        read_with(b"A\n1\n2\n3\n\"", &limits).unwrap_err().code,
        RejectionCode::MalformedCsv
    );
}

#[test]
fn control_characters_do_not_hinder_reading() {
    assert_eq!(cells("A,B\na\0b,\u{85}\u{1}\n"), [["a\0b", "\u{85}\u{1}"]]);
}
