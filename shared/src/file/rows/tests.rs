//! How rows are cut out of a text.

use super::*;
use crate::surplus::MAX_SURPLUS_BYTES;

const LIMITS: Limits = Limits {
    max_file_bytes: 0,
    max_rows: 0,
    max_columns: 0,
    max_cell_bytes: 8,
};

/// Line and cells of every row, or what is wrong.
fn read(text: &str) -> Result<Vec<(u32, Vec<String>)>, String> {
    let mut rows = Rows::new(text, Delimiter::Comma, &LIMITS);
    let mut found = Vec::new();
    while let Some(row) = rows.next(4).map_err(|malformed| malformed.rejection.message)? {
        found.push((row.line, row.cells));
    }
    Ok(found)
}

#[track_caller]
fn assert_rows(text: &str, expected: &[(u32, &[&str])]) {
    let rows = read(text).unwrap();
    let rows: Vec<(u32, Vec<&str>)> = rows
        .iter()
        .map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<(u32, Vec<&str>)> = expected
        .iter()
        .map(|(line, cells)| (*line, cells.to_vec()))
        .collect();
    assert_eq!(rows, expected, "{text:?}");
}

#[test]
fn every_kind_of_line_break_counts_once() {
    assert_rows("a,b\r\nc,d\r\n", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    assert_rows("a,b\nc,d", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    assert_rows("a,b\rc,d\r", &[(1, &["a", "b"]), (2, &["c", "d"])]);
    assert_rows(
        "a\r\n\r\nb\n\nc\r\rd",
        &[(1, &["a"]), (3, &["b"]), (5, &["c"]), (7, &["d"])],
    );
    assert_rows("a\n\rb", &[(1, &["a"]), (3, &["b"])]);
}

#[test]
fn line_breaks_inside_quotes_count_too() {
    assert_rows("\"a\r\nb\",c\nd", &[(1, &["a\r\nb", "c"]), (3, &["d"])]);
    assert_rows("\"a\rb\",c\rd", &[(1, &["a\rb", "c"]), (3, &["d"])]);
    assert_rows("x,\"a\n\n\"\ny", &[(1, &["x", "a\n\n"]), (4, &["y"])]);
}

#[test]
fn blank_rows_are_skipped_but_their_lines_count() {
    assert_rows("\n\n a\n", &[(3, &[" a"])]);
    assert_rows(",,\n\"\",\" \"\n\u{A0}\nb", &[(4, &["b"])]);
    assert_rows("", &[]);
    assert_rows("\r\n", &[]);
    assert_rows(" , ,", &[]);
    assert_rows("\"\n\n\"\na", &[(4, &["a"])]);
}

#[test]
fn quotes_are_read_as_people_write_them() {
    assert_rows("\"a,b\",\"c\"\"d\"", &[(1, &["a,b", "c\"d"])]);
    assert_rows("5\" x,a\"b\"", &[(1, &["5\" x", "a\"b\""])]);
    // Stray quotes stay as they are.
    assert_rows("\"a\"b,\"c\" d", &[(1, &["\"a\"b", "\"c\" d"])]);
    assert_rows(" \"a\"", &[(1, &[" \"a\""])]);
    assert_rows("\"a\"", &[(1, &["a"])]);
    assert_rows("\"a\n\"", &[(1, &["a\n"])]);
}

#[test]
fn an_unclosed_quote_is_found_with_the_line_where_it_opens() {
    for (text, line) in [
        ("a\nb,\"c\nd\n", 2),
        ("\"", 1),
        ("a,\"b", 1),
        ("\"a\"\"", 1),
        ("\"a\n\",\"b\n", 2),
        ("a\r\r\n\"b", 3),
        ("a,\"\n", 1),
    ] {
        let message = read(text).unwrap_err();
        assert!(
            message.contains(&format!(
                "the double quote (\") that opens in line {line} in column "
            )),
            "{text:?}: {message}"
        );
    }
    assert!(read("a\nb,c,\"d").unwrap_err().contains("line 2 in column 3 "));
}

#[test]
fn a_cell_over_the_limit_is_found_with_its_line() {
    assert_rows("12345678,\"87654321\"", &[(1, &["12345678", "87654321"])]);
    assert_rows("1234\"678\n", &[(1, &["1234\"678"])]);
    for text in [
        "a\n123456789",
        "a\n\"123456789\",b",
        "a\n1234567890123\n",
        "a\nb,123456789\n",
        "a\näöüß9",
    ] {
        let message = read(text).unwrap_err();
        assert!(
            message.contains("line 2 is larger than 8 bytes"),
            "{text:?}: {message}"
        );
    }
    assert!(
        read("a\nb,123456789\n")
            .unwrap_err()
            .starts_with("the cell in column 2 ")
    );
}

#[test]
fn the_formula_guard_is_taken_off_and_does_not_count() {
    assert_rows("'=1,'a,''+", &[(1, &["=1", "'a", "'+"])]);
    assert_rows("'=2345678", &[(1, &["=2345678"])]);
    assert!(read("=23456789").is_err());
    assert!(read("'a2345678").is_err());
}

#[test]
fn a_second_byte_order_mark_is_text() {
    assert_rows("\u{FEFF}a,\u{FEFF}", &[(1, &["\u{FEFF}a", "\u{FEFF}"])]);
}

#[test]
fn empty_cells_at_the_end_are_dropped_and_counted() {
    let mut rows = Rows::new("a,,b,,\n", Delimiter::Comma, &LIMITS);
    let row = rows.next(4).unwrap().unwrap();
    assert_eq!(row.cells, ["a", "", "b"]);
    assert_eq!(row.width, 5);
    assert_eq!(row.surplus, Surplus::default());
}

#[test]
fn cells_beyond_the_columns_are_surplus_unless_blank() {
    let mut rows = Rows::new("a,b, ,c,,d,e,f\n", Delimiter::Comma, &LIMITS);
    let row = rows.next(1).unwrap().unwrap();
    assert_eq!(row.cells, ["a"]);
    assert_eq!(row.surplus.count, 5);
    assert_eq!(row.surplus.kept, ["b", "c", "d", "e", "f"]);
    let mut rows = Rows::new(",x", Delimiter::Comma, &LIMITS);
    assert_eq!(rows.next(1).unwrap().unwrap().surplus.count, 1);
}

#[test]
fn an_endless_surplus_is_counted_but_not_kept() {
    let text = "a,".repeat(1_000_000);
    let mut rows = Rows::new(&text, Delimiter::Comma, &LIMITS);
    let surplus = rows.next(0).unwrap().unwrap().surplus;
    assert_eq!(
        (surplus.count, surplus.kept.len()),
        (1_000_000, MAX_SURPLUS_BYTES)
    );
}

#[test]
fn an_endless_header_is_refused() {
    let text = format!("a{}", ",".repeat(MAX_WIDTH));
    assert!(Rows::new(&text, Delimiter::Comma, &LIMITS).header().is_err());
    assert!(
        Rows::new(&text[..MAX_WIDTH], Delimiter::Comma, &LIMITS)
            .header()
            .is_ok()
    );
}
