//! Code pages: what each of the upper 128 bytes stands for.

use std::sync::LazyLock;

use encoding_rs::DecoderResult;

use super::Encoding;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likely {
    /// The name of the encoding; `None` where it could not be recognised.
    pub(super) name: Option<&'static str>,
    /// How a job declares it, where it can.
    pub(super) label: Option<Encoding>,
}

impl Likely {
    /// How bytes read in it, where it is known.
    pub(super) fn read(&self, bytes: &[u8]) -> Option<String> {
        match (self.label, self.name) {
            (Some(Encoding(label)), _) => Some(label.decode_without_bom_handling(bytes).0.into_owned()),
            (None, Some(name)) => page(name).map(|page| page.decode(bytes)),
            (None, None) => None,
        }
    }

    pub(super) fn page(page: &CodePage) -> Self {
        Self {
            name: Some(page.name),
            label: page.label,
        }
    }
}

/// A single-byte code page.
#[derive(Debug)]
pub(super) struct CodePage {
    /// Its name, as people know it.
    pub(super) name: &'static str,
    /// How a job declares it; `None` where the WHATWG has no label for it.
    pub(super) label: Option<Encoding>,
    upper: Vec<char>,
}

impl CodePage {
    fn of(name: &'static str, encoding: &'static encoding_rs::Encoding) -> Self {
        let decode = |byte: u8| {
            let mut text = String::with_capacity(8);
            let (result, _) = encoding
                .new_decoder_without_bom_handling()
                .decode_to_string_without_replacement(&[byte], &mut text, true);
            match (result, text.chars().next()) {
                (DecoderResult::InputEmpty, Some(c)) => c,
                _ => char::REPLACEMENT_CHARACTER,
            }
        };
        Self {
            name,
            label: Some(Encoding(encoding)),
            upper: (0x80..=0xFF).map(decode).collect(),
        }
    }

    /// The text of some bytes.
    pub(super) fn decode(&self, bytes: &[u8]) -> String {
        bytes
            .iter()
            .map(|&byte| match byte.checked_sub(0x80) {
                Some(index) => self
                    .upper
                    .get(usize::from(index))
                    .copied()
                    .unwrap_or(char::REPLACEMENT_CHARACTER),
                None => char::from(byte),
            })
            .collect()
    }
}

/// The page of an encoding of the WHATWG standard, or of [`TABLES`].
pub(super) fn page(name: &str) -> Option<&'static CodePage> {
    PAGES.iter().find(|page| page.name == name)
}

/// What the WHATWG has no label for. Made by `tests/encodings/code_pages.py`.
const TABLES: &str = include_str!("code_pages.txt");

static PAGES: LazyLock<Vec<CodePage>> = LazyLock::new(|| {
    let known: [(&str, &'static encoding_rs::Encoding); 16] = [
        ("Windows-1250", encoding_rs::WINDOWS_1250),
        ("Windows-1251", encoding_rs::WINDOWS_1251),
        ("Windows-1252", encoding_rs::WINDOWS_1252),
        ("Windows-1253", encoding_rs::WINDOWS_1253),
        ("Windows-1254", encoding_rs::WINDOWS_1254),
        ("Windows-1255", encoding_rs::WINDOWS_1255),
        ("Windows-1256", encoding_rs::WINDOWS_1256),
        ("Windows-1257", encoding_rs::WINDOWS_1257),
        ("Windows-1258", encoding_rs::WINDOWS_1258),
        ("Windows-874", encoding_rs::WINDOWS_874),
        ("ISO-8859-2", encoding_rs::ISO_8859_2),
        ("ISO-8859-15", encoding_rs::ISO_8859_15),
        ("KOI8-R", encoding_rs::KOI8_R),
        ("CP 866", encoding_rs::IBM866),
        ("Mac OS Roman", encoding_rs::MACINTOSH),
        ("Mac OS Cyrillic", encoding_rs::X_MAC_CYRILLIC),
    ];
    let known = known
        .into_iter()
        .map(|(name, encoding)| CodePage::of(name, encoding));
    let tables = TABLES.lines().filter_map(|line| line.split_once('\t'));
    known
        .chain(tables.map(|(name, upper)| CodePage {
            name,
            label: None,
            upper: upper.chars().collect(),
        }))
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_upper_half() {
        for page in PAGES.iter() {
            assert_eq!(page.upper.len(), 128, "{}", page.name);
        }
        assert_eq!(page("CP 850").unwrap().decode(b"J\x94rg"), "Jörg");
        assert_eq!(page("Mac OS Roman").unwrap().decode(b"J\x9Arg"), "Jörg");
        assert_eq!(page("Windows-1251").unwrap().decode(b"\xC8\xE2\xE0\xED"), "Иван");
    }
}
