//! Files that are something else and only named `.csv`.

use infer::{archive, text};

use crate::rejection::{Rejection, RejectionCode};

/// How much of a file is looked at: what MIME sniffing reads.
/// Source: WHATWG MIME Sniffing, section 5.2 "Reading the resource header".
const HEAD_BYTES: usize = 1445;

/// Refuses spreadsheets, archives, PDF files and web pages.
pub(super) fn check(bytes: &[u8]) -> Result<(), Rejection> {
    let found = if archive::is_zip(bytes) {
        "an Excel workbook or another ZIP archive"
    } else if archive::is_gz(bytes) {
        "a gzip archive"
    // The magic number of all OLE files, which old Excel files are; the crate knows it by another of them.
    } else if archive::is_msi(bytes) {
        "an old Excel workbook"
    } else {
        let head = text_head(bytes);
        if head.starts_with("%PDF-") {
            "a PDF file"
        } else if text::is_html(head.as_bytes()) || text::is_xml(head.as_bytes()) || begins_with_meta(&head) {
            "a web page or XML file"
        } else {
            return Ok(());
        }
    };
    let message =
        format!("the file is {found}, not a CSV file: open it in a spreadsheet and save it as \"CSV UTF-8\"");
    Err(Rejection::new(RejectionCode::NotCsv, message))
}

/// A table that a web application calls a spreadsheet often begins so; the crate knows only the tags that browsers look for.
fn begins_with_meta(head: &str) -> bool {
    head.get(..6)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("<meta "))
}

/// The first characters of the file in whatever encoding, to compare ASCII with; without byte order mark and
/// white space before them, and with only one kind of white space among them, because the crate looks for tags
/// that end in a space.
fn text_head(bytes: &[u8]) -> String {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let (encoding, _) = encoding_rs::Encoding::for_bom(head).unwrap_or((encoding_rs::WINDOWS_1252, 0));
    let (text, _) = encoding.decode_with_bom_removal(head);
    let text = text.trim_start_matches(crate::cell::is_space);
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused_whatever_their_name() {
        for (bytes, found) in [
            (&b"PK\x03\x04\x14\0\x06\0"[..], "ZIP"),
            (b"PK\x05\x06\0\0", "ZIP"),
            (b"\x1F\x8B\x08\0", "gzip"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", "old Excel"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\xEF\xBB\xBF%PDF-1.7\n", "PDF"),
            (b"<!DOCTYPE html>\n", "web page"),
            (b"<!doctype HTML>", "web page"),
            (b"\xEF\xBB\xBF\r\n  <html\r\nlang='en'>", "web page"),
            (b"\n\t<html>", "web page"),
            (b"<table>", "web page"),
            (b"<!-- saved --><html>", "web page"),
            (b"<META charset='utf-8'><table>", "web page"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"\xFF\xFE<\0h\0t\0m\0l\0>\0", "web page"),
            (b"\xFE\xFF\0<\0h\0t\0m\0l\0>", "web page"),
        ] {
            let rejection = check(bytes).unwrap_err();
            assert_eq!(rejection.code, RejectionCode::NotCsv);
            assert!(rejection.message.contains(found), "{rejection}");
        }
    }

    #[test]
    fn text_that_only_resembles_another_file_passes() {
        for bytes in [
            &b"Username,Email\n"[..],
            b"",
            b"PK,Name\n",
            b"<,>\n",
            b"<meta>,Username\n",
            b"<Username>,<Email>\n",
            b"Share,100%PDF-1\n",
            b"\x1F\x8B",
            b"\xFF\xFE",
            b"BM,MZ,GIF89a\n",
        ] {
            assert_eq!(check(bytes), Ok(()), "{bytes:?}");
        }
    }
}
