//! Files that are something else and only named `.csv`.

use infer::{archive, image};

use super::CSV_IN_UTF8;
use crate::rejection::{Rejection, RejectionCode};

/// How much of a file is looked at: what MIME sniffing reads.
/// Source: WHATWG MIME Sniffing, section 5.2 "Reading the resource header".
const HEAD_BYTES: usize = 1445;

/// The elements that a web page, or the piece of one that a web server calls an Excel file, begins with. Others may be
/// the name of a column.
/// Source: WHATWG MIME Sniffing, section 7.1, and the elements of HTML 4 that may stand around a table.
const HTML_ELEMENTS: [&str; 34] = [
    "a",
    "b",
    "blockquote",
    "body",
    "br",
    "caption",
    "center",
    "colgroup",
    "div",
    "font",
    "form",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "head",
    "hr",
    "html",
    "i",
    "iframe",
    "noscript",
    "p",
    "pre",
    "script",
    "span",
    "strong",
    "style",
    "table",
    "tbody",
    "td",
    "thead",
    "title",
    "tr",
];

/// Likewise; without attributes, they say nothing and are not a sign of a page.
const HTML_ELEMENTS_WITH_ATTRIBUTES: [&str; 6] = ["base", "basefont", "col", "img", "link", "meta"];

/// Refuses spreadsheets, archives, images, PDF files, JSON and web pages.
pub(super) fn check(bytes: &[u8]) -> Result<(), Rejection> {
    let kind = if archive::is_zip(bytes) {
        Kind::WorkbookOrZip
    } else if [
        archive::is_gz,
        archive::is_7z,
        archive::is_rar,
        archive::is_xz,
        archive::is_zst,
    ]
    .iter()
    .any(|is_kind| is_kind(bytes))
    {
        Kind::Archive
    } else if image::is_png(bytes) || image::is_jpeg(bytes) {
        Kind::Image
    // The magic number of all OLE files, which old Excel files are; the crate names it after another kind of them.
    } else if archive::is_msi(bytes) {
        Kind::OldWorkbook
    } else {
        match kind_of_text(&text_head(bytes)) {
            Some(kind) => kind,
            None => return Ok(()),
        }
    };
    let message = format!("the file is {}, not a CSV file: {}", kind.name(), kind.advice());
    Err(Rejection::new(RejectionCode::NotCsv, message))
}

/// What a file is if it is not a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    WorkbookOrZip,
    OldWorkbook,
    Archive,
    Image,
    Pdf,
    Json,
    WebPage,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::WorkbookOrZip => "an Excel workbook or another ZIP archive",
            Self::OldWorkbook => "an old Excel workbook",
            Self::Archive => "an archive",
            Self::Image => "an image",
            Self::Pdf => "a PDF file",
            Self::Json => "a JSON file",
            Self::WebPage => "a web page or XML file",
        }
    }

    /// Web servers call a table of a web page an Excel file, so that a spreadsheet opens it.
    fn advice(self) -> String {
        match self {
            Self::WorkbookOrZip => format!(
                "open a workbook in a spreadsheet and save it as {CSV_IN_UTF8}; unpack an archive, and upload the CSV file \
                 inside it"
            ),
            Self::OldWorkbook | Self::WebPage => {
                format!("open it in a spreadsheet and save it as {CSV_IN_UTF8}")
            }
            Self::Archive => "unpack it, and upload the CSV file inside it".to_owned(),
            Self::Image | Self::Pdf | Self::Json => {
                format!("upload the list of users, saved as {CSV_IN_UTF8}")
            }
        }
    }
}

/// Whether the text of a first cell must be quoted in our reports, so that they are not mistaken for another kind of file.
pub(crate) fn is_misleading(first_cell: &str) -> bool {
    kind_of_text(first_cell.trim_start_matches(crate::cell::is_space)).is_some()
}

/// What a text is, by its first characters, if it is not CSV. In a CSV, such a first cell is in quotes.
fn kind_of_text(text: &str) -> Option<Kind> {
    if text.starts_with("%PDF-") {
        return Some(Kind::Pdf);
    }
    if let Some(inside) = text.strip_prefix(['{', '[']) {
        let inside = inside.trim_start_matches(crate::cell::is_space);
        return inside.starts_with(['"', '{']).then_some(Kind::Json);
    }
    let tag = text.strip_prefix('<')?.to_ascii_lowercase();
    let is_markup = ["!--", "!doctype", "?xml"]
        .iter()
        .any(|start| tag.starts_with(start))
        || tag
            .find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))
            .is_some_and(|end| {
                let (element, rest) = tag.split_at(end);
                HTML_ELEMENTS.contains(&element)
                    || (HTML_ELEMENTS_WITH_ATTRIBUTES.contains(&element)
                        && rest.starts_with(char::is_whitespace))
            });
    is_markup.then_some(Kind::WebPage)
}

/// The first characters of the file in whatever encoding, to compare ASCII with; without byte order mark and
/// white space before them.
fn text_head(bytes: &[u8]) -> String {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let (encoding, _) = encoding_rs::Encoding::for_bom(head).unwrap_or((encoding_rs::WINDOWS_1252, 0));
    let (text, _) = encoding.decode_with_bom_removal(head);
    text.trim_start_matches(crate::cell::is_space).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_refused_whatever_their_name() {
        for (bytes, found) in [
            (&b"PK\x03\x04\x14\0\x06\0"[..], "ZIP"),
            (b"PK\x05\x06\0\0", "ZIP"),
            (b"\x1F\x8B\x08\0", "an archive"),
            (b"7z\xBC\xAF\x27\x1C\0\x04", "an archive"),
            (b"Rar!\x1A\x07\x01\0", "an archive"),
            (b"\x89PNG\r\n\x1A\n", "an image"),
            (b"\xFF\xD8\xFF\xE0", "an image"),
            (b"[\n  {\"username\": \"ann\"}]", "JSON"),
            (b"{\"users\": []}", "JSON"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", "old Excel"),
            (b"%PDF-1.7\n", "PDF"),
            (b"\xEF\xBB\xBF%PDF-1.7\n", "PDF"),
            (b"<!DOCTYPE html>\n", "web page"),
            (b"<!doctype HTML>", "web page"),
            (b"\xEF\xBB\xBF\r\n  <html\r\nlang='en'>", "web page"),
            (b"\n\t<html>", "web page"),
            (b"<table>", "web page"),
            (b"<!-- saved --><html>", "web page"),
            (b"<?xml version=\"1.0\"?>", "XML"),
            (b"<META charset='utf-8'><table>", "web page"),
            (b"<meta http-equiv=\"Content-Type\">", "web page"),
            (b"<META\ncharset=utf-8>", "web page"),
            (b"<center><table>", "web page"),
            (b"\xEF\xBB\xBF\n\n <body bgcolor=x>", "web page"),
            (b"<div class='x'>", "web page"),
            (b"<style>td{}</style>", "web page"),
            (b"<!--[if gte mso 9]>", "web page"),
            (b"<br/>", "web page"),
            (b"<tr><td>Username</td>", "web page"),
            (b"\xFF\xFE<\0h\0t\0m\0l\0>\0", "web page"),
            (b"\xFE\xFF\0<\0h\0t\0m\0l\0>", "web page"),
        ] {
            let rejection = check(bytes).unwrap_err();
            assert_eq!(rejection.code, RejectionCode::NotCsv);
            assert!(rejection.message.contains(found), "{rejection}");
        }
    }

    #[test]
    fn what_to_do_depends_on_what_the_file_is() {
        for (bytes, advice) in [
            (&b"PK\x03\x04\x14\0\x06\0"[..], "unpack an archive"),
            (b"\x1F\x8B\x08\0", "unpack it"),
            (b"\x89PNG\r\n\x1A\n", "upload the list of users"),
            (b"%PDF-1.7\n", "upload the list of users"),
            (b"{\"users\": []}", "upload the list of users"),
            (b"<table>", "open it in a spreadsheet"),
            (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0", "open it in a spreadsheet"),
        ] {
            let rejection = check(bytes).unwrap_err();
            assert!(rejection.message.contains(advice), "{rejection}");
        }
    }

    #[test]
    fn text_that_only_resembles_another_file_passes() {
        for bytes in [
            &b"Username,Email\n"[..],
            b"",
            b"PK,Name\n",
            b"<,>\n",
            b"{Username},{Email}\n",
            b"[Username],[Email]\n",
            b"\"[\"\"\",Email\n",
            b"<meta>,Username\n",
            b"<Username>,<Email>\n",
            b"<bold>,<titles>\n",
            b"<a,b>\n",
            b"<a-z>,x\n",
            b"\"<a>\",Email\n",
            b"\"%PDF-1.7\",Email\n",
            b"Share,100%PDF-1\n",
            b"\x1F\x8B",
            b"\xFF\xFE",
            b"BM,MZ,GIF89a\n",
        ] {
            assert_eq!(check(bytes), Ok(()), "{bytes:?}");
        }
    }
}
