//! Declaring the separator of a file where it is in doubt: by a `sep=` line before the header, which spreadsheets and the
//! worker read alike.

use shared::file::{Delimiter, Encoding};

/// The file with this separator declared, or with none.
pub(super) fn declare(content: &[u8], encoding: Option<Encoding>, delimiter: Option<Delimiter>) -> Vec<u8> {
    let utf_16 = match (content, encoding) {
        ([0xFF, 0xFE, ..], _) => Some(u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ([0xFE, 0xFF, ..], _) => Some(u16::to_be_bytes as _),
        (_, Some(own)) if own == Encoding::UTF_16LE => Some(u16::to_le_bytes as _),
        (_, Some(own)) if own == Encoding::UTF_16BE => Some(u16::to_be_bytes as _),
        _ => None,
    };
    let write = |text: &str| -> Vec<u8> {
        match utf_16 {
            Some(bytes) => text.encode_utf16().flat_map(bytes).collect(),
            None => text.as_bytes().to_vec(),
        }
    };
    let mark = match content {
        [0xEF, 0xBB, 0xBF, ..] => 3,
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => 2,
        _ => 0,
    };
    let (mark, mut rest) = content.split_at(mark);
    for own in <Delimiter as strum::VariantArray>::VARIANTS {
        let line = format!("sep={}", char::from(own.byte()));
        for end in ["\r\n", "\n", "\r"] {
            if let Some(after) = rest.strip_prefix(write(&format!("{line}{end}")).as_slice()) {
                rest = after;
            }
        }
    }
    let line = delimiter.map(|delimiter| write(&format!("sep={}\r\n", char::from(delimiter.byte()))));
    [mark, line.as_deref().unwrap_or_default(), rest].concat()
}

#[cfg(test)]
mod tests {
    use shared::{columns::inspect, limits::Limits};

    use super::*;

    #[test]
    fn a_declared_separator_is_read_and_can_be_taken_back() {
        let text = "Username|Email\nann|ann@example.com\n";
        let utf_16: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        for content in [
            text.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            utf_16,
        ] {
            let semicolon = declare(&content, None, Some(Delimiter::Semicolon));
            let read = inspect(&semicolon, None, &Limits::default()).unwrap();
            assert_eq!((read.delimiter, read.columns.len()), (Delimiter::Semicolon, 1));
            let pipe = declare(&semicolon, None, Some(Delimiter::Pipe));
            assert_eq!(inspect(&pipe, None, &Limits::default()).unwrap().columns.len(), 2);
            assert_eq!(declare(&pipe, None, None), content);
        }
    }
}
