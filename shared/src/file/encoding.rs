//! Which encoding the text of a file is in, and the text itself. Nothing is replaced by a `?`: what cannot be
//! decoded is refused, with its line.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::lines::line_after;
use crate::rejection::{Rejection, RejectionCode};

const SAVE_AS_UTF8: &str = "save the file as \"CSV UTF-8\" and upload it again";

/// The five bytes that Windows-1252 leaves undefined. encoding_rs follows the WHATWG, which maps them to control
/// characters.
const UNDEFINED_IN_WINDOWS_1252: [u8; 5] = [0x81, 0x8D, 0x8F, 0x90, 0x9D];

/// How the text of a file was encoded. Names as in the WHATWG Encoding Standard, in lower case.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
pub enum Encoding {
    /// UTF-8, with or without byte order mark.
    #[serde(rename = "utf-8")]
    #[strum(to_string = "utf-8")]
    Utf8,
    /// UTF-16, little endian, with byte order mark.
    #[serde(rename = "utf-16le")]
    #[strum(to_string = "utf-16le")]
    Utf16Le,
    /// UTF-16, big endian, with byte order mark.
    #[serde(rename = "utf-16be")]
    #[strum(to_string = "utf-16be")]
    Utf16Be,
    /// Windows-1252, the legacy encoding of Western European Windows.
    #[serde(rename = "windows-1252")]
    #[strum(to_string = "windows-1252")]
    Windows1252,
}

impl Encoding {
    /// The name in events and the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text of a file, without its byte order mark, and the encoding that it was in.
///
/// A byte order mark decides. Without one the text is UTF-8 if it can be, else Windows-1252, unless part of it is
/// UTF-8 beyond doubt.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cow<'_, str>, Encoding), Rejection> {
    if let Some(rest) = bytes.strip_prefix(b"\xEF\xBB\xBF") {
        return match str::from_utf8(rest) {
            Ok(text) => Ok((text.into(), Encoding::Utf8)),
            Err(error) => Err(bad_byte(rest, error.valid_up_to(), "UTF-8")),
        };
    }
    // Begins with the byte order mark of UTF-16. Text of that never begins with NUL.
    if bytes.starts_with(b"\xFF\xFE\0\0") || bytes.starts_with(b"\0\0\xFE\xFF") {
        return Err(undecodable("the file, from line 1 on, is UTF-32"));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFF\xFE") {
        return Ok((utf16(rest, u16::from_le_bytes)?.into(), Encoding::Utf16Le));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xFE\xFF") {
        return Ok((utf16(rest, u16::from_be_bytes)?.into(), Encoding::Utf16Be));
    }
    if looks_like_utf16(bytes) {
        let what = "is UTF-16 without a byte order mark, and which of the two kinds it is would be a guess";
        return Err(undecodable(&format!("the file, from line 1 on, {what}")));
    }
    match str::from_utf8(bytes) {
        Ok(text) => Ok((text.into(), Encoding::Utf8)),
        Err(_) => Ok((windows_1252(bytes)?, Encoding::Windows1252)),
    }
}

fn windows_1252(bytes: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    if bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii()) {
        let position = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        return Err(bad_byte(
            bytes,
            position,
            "UTF-8, as other characters of the file are",
        ));
    }
    match bytes
        .iter()
        .position(|byte| UNDEFINED_IN_WINDOWS_1252.contains(byte))
    {
        Some(position) => Err(bad_byte(bytes, position, "UTF-8 or Windows-1252")),
        None => Ok(encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// Decoded with the standard library because encoding_rs does not tell where the first error is.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Rejection> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(error) => {
                let what = format!("half a character (0x{:04X})", error.unpaired_surrogate());
                let line = line_after(text.as_bytes());
                return Err(undecodable(&format!(
                    "line {line} holds {what}, which cannot be read as UTF-16"
                )));
            }
        }
    }
    if !odd.is_empty() {
        let line = line_after(text.as_bytes());
        return Err(undecodable(&format!(
            "the file ends in line {line} with half a UTF-16 character"
        )));
    }
    Ok(text)
}

/// Whether most of the NULs of a text are halves of UTF-16: at least a quarter of all pairs of bytes are ASCII
/// characters, or the line breaks are in a text that is not ASCII. Names and addresses in any script come with
/// delimiters, digits and line breaks, while NULs in other text come one by one.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    let (pairs, _) = bytes.as_chunks::<2>();
    let little = Halves::of(pairs.iter().map(|&[low, high]| (low, high)));
    let big = Halves::of(pairs.iter().map(|&[high, low]| (low, high)));
    let (more, fewer) = if little.ascii < big.ascii {
        (big, little)
    } else {
        (little, big)
    };
    if more.ascii == 0 || fewer.ascii.saturating_mul(2) > more.ascii {
        return false;
    }
    let line_breaks = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    let has_its_line_breaks = more.line_breaks > 0 && more.line_breaks.saturating_mul(2) >= line_breaks;
    let is_other_text = if bytes.is_ascii() {
        more.printable.saturating_mul(2) >= pairs.len()
    } else {
        str::from_utf8(bytes).is_ok()
    };
    more.ascii.saturating_mul(4) >= pairs.len() || (has_its_line_breaks && !is_other_text)
}

/// What pairs of bytes are, if they are UTF-16 of one kind.
#[derive(Default)]
struct Halves {
    /// Those that are an ASCII character.
    ascii: usize,
    /// Those that are a line break.
    line_breaks: usize,
    /// Those whose bytes are two ASCII characters that can be seen: nearly all of a text in ASCII, none of Cyrillic,
    /// Greek, Hebrew or Arabic in UTF-16, whose bytes can all be ASCII too.
    printable: usize,
}

impl Halves {
    fn of(pairs: impl Iterator<Item = (u8, u8)>) -> Self {
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let mut halves = Self::default();
        for (low, high) in pairs {
            if high == 0 && low != 0 && low.is_ascii() {
                halves.ascii += 1;
                halves.line_breaks += usize::from(matches!(low, b'\r' | b'\n'));
            }
            halves.printable += usize::from(is_printable(low) && is_printable(high));
        }
        halves
    }
}

fn bad_byte(bytes: &[u8], position: usize, encoding: &str) -> Rejection {
    let byte = bytes.get(position).copied().unwrap_or_default();
    let line = line_after(bytes.get(..position).unwrap_or_default());
    undecodable(&format!(
        "line {line} holds a byte (0x{byte:02X}) that cannot be read as {encoding}"
    ))
}

fn undecodable(what: &str) -> Rejection {
    Rejection::new(RejectionCode::Undecodable, format!("{what}: {SAVE_AS_UTF8}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn utf16be(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    fn after(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
        [prefix, rest].concat()
    }

    #[track_caller]
    fn assert_undecodable(bytes: &[u8], hint: &str) {
        let rejection = decode(bytes).unwrap_err();
        assert_eq!(rejection.code, RejectionCode::Undecodable);
        assert!(
            rejection.message.contains(hint),
            "{rejection} does not contain {hint:?}"
        );
        assert!(rejection.message.contains("CSV UTF-8"), "{rejection}");
    }

    #[test]
    fn text_is_decoded_as_its_byte_order_mark_or_its_bytes_say() {
        let text = "Jörg;Зоя;𝒳;€\n";
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), Encoding::Utf8),
            (after(b"\xEF\xBB\xBF", text.as_bytes()), Encoding::Utf8),
            (after(b"\xFF\xFE", &utf16le(text)), Encoding::Utf16Le),
            (after(b"\xFE\xFF", &utf16be(text)), Encoding::Utf16Be),
        ] {
            assert_eq!(decode(&bytes), Ok((text.into(), encoding)), "{bytes:?}");
        }
        assert_eq!(
            decode(b"J\xF6rg \x80\x9F"),
            Ok(("Jörg €Ÿ".into(), Encoding::Windows1252))
        );
        assert_eq!(decode(b"ascii"), Ok(("ascii".into(), Encoding::Utf8)));
        assert_eq!(decode(b""), Ok(("".into(), Encoding::Utf8)));
        assert_eq!(decode(b"\xFF\xFE"), Ok(("".into(), Encoding::Utf16Le)));
    }

    #[test]
    fn a_bad_byte_is_refused_with_its_line() {
        assert_undecodable(b"\xEF\xBB\xBFa\r\nb\r\nJ\xF6rg", "line 3 holds a byte (0xF6)");
        for byte in UNDEFINED_IN_WINDOWS_1252 {
            let text = [b"a\rb\r\xF6\rc\r".as_slice(), &[byte]].concat();
            assert_undecodable(&text, &format!("line 5 holds a byte (0x{byte:02X})"));
        }
    }

    #[test]
    fn a_file_of_two_encodings_is_refused() {
        assert_undecodable(
            "Jörg\nJ"
                .as_bytes()
                .iter()
                .chain(b"\xF6rg")
                .copied()
                .collect::<Vec<_>>()
                .as_slice(),
            "line 2",
        );
        assert_undecodable(
            &after(b"\n\nJ\xF6rg\n", "Jörg".as_bytes()),
            "line 3 holds a byte (0xF6)",
        );
    }

    #[test]
    fn half_a_character_of_utf16_is_refused_with_its_line() {
        let lone = [0xFE, 0xFF, 0, b'\n', 0xD8, 0x00, 0, b'a'];
        assert_undecodable(&lone, "line 2 holds half a character (0xD800)");
        assert_undecodable(b"\xFF\xFEa\0\n\0b", "line 2");
        assert_undecodable(b"\xFF\xFEa", "line 1");
    }

    #[test]
    fn utf32_is_refused() {
        let wide = |unit: fn(u32) -> [u8; 4]| -> Vec<u8> {
            "\u{FEFF}Jörg;x\n"
                .chars()
                .flat_map(|c| unit(u32::from(c)))
                .collect()
        };
        assert_undecodable(&wide(u32::to_le_bytes), "UTF-32");
        assert_undecodable(&wide(u32::to_be_bytes), "UTF-32");
    }

    #[test]
    fn utf16_without_a_byte_order_mark_is_refused_with_a_hint() {
        for text in [
            "Username;Email\r\nann;ann@example.com\r\n",
            "Имя;Почта\r\nЗоя;zoya@example.com\r\n",
            "上;一\n",
            "Имяпользователя;Добавочныйномер\r\nЗояАлександровна;первый\r\n",
            "Имяпользователя\nЗояАлександровна",
            "Име\nЊњоаишљв\nАнђелковић",
            "用户名称在这里面;电子邮件地址在这\n张三李四王五赵六;分机号码第一个人\n",
            "ユーザー名前です;メールアドレスです\rすずきいちろうさん;さとうはなこさんです\r",
        ] {
            assert_undecodable(&utf16le(text), "UTF-16 without a byte order mark");
            assert_undecodable(&utf16be(text), "UTF-16 without a byte order mark");
        }
    }

    #[test]
    fn a_nul_in_other_text_is_text() {
        for text in [
            "Username,Email\nann\0,ann@example.com\n",
            "a,b,c\n\0\0\0,1,2\n",
            "\0\0\0\0",
            "Username,Email\0\nann,ann@example.co\0\n",
            "Имя,Почта\0\nЗоя,zoya@example.com\0\n",
            "Имя,Почтa\n\0Зоя,zoya@example.com\n\0",
        ] {
            assert_eq!(decode(text.as_bytes()), Ok((text.into(), Encoding::Utf8)));
        }
    }
}
