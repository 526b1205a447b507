//! Which encoding the text of a file is in, and the text itself. Nothing is replaced by a `?`: what cannot be decoded,
//! or is ambiguous, is rejected, with its line.

mod foreign;
mod language;
mod likely;
mod page;
mod reading;
mod utf16;
mod words;

use std::{borrow::Cow, fmt, str::FromStr};

use encoding_rs::DecoderResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CSV_IN_UTF8, lines::line_after};
use crate::{
    problem::quote_name,
    rejection::{Rejection, RejectionCode},
};
use page::Likely;

/// An encoding of the WHATWG Encoding Standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Encoding(&'static encoding_rs::Encoding);

/// The text is not the label of an encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an encoding that the WHATWG Encoding Standard decodes, like windows-1250 or shift_jis")]
pub struct UnknownEncoding(String);

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(&encoding_rs::UTF_8_INIT);
    /// UTF-16, little endian.
    pub const UTF_16LE: Self = Self(&encoding_rs::UTF_16LE_INIT);
    /// UTF-16, big endian.
    pub const UTF_16BE: Self = Self(&encoding_rs::UTF_16BE_INIT);
    /// Windows-1252, the legacy encoding of Western European Windows.
    pub const WINDOWS_1252: Self = Self(&encoding_rs::WINDOWS_1252_INIT);

    /// The name in jobs, events and the database: the standard's, in lower case.
    pub fn as_str(self) -> &'static str {
        let found = NAMES.iter().find(|name| name.eq_ignore_ascii_case(self.0.name()));
        found.copied().unwrap_or(self.0.name())
    }

    fn is_utf16(self) -> bool {
        self == Self::UTF_16LE || self == Self::UTF_16BE
    }
}

/// The names of all encodings. Source: WHATWG Encoding Standard, section 4.2 "Names and labels".
const NAMES: [&str; 39] = [
    "utf-8",
    "ibm866",
    "iso-8859-2",
    "iso-8859-3",
    "iso-8859-4",
    "iso-8859-5",
    "iso-8859-6",
    "iso-8859-7",
    "iso-8859-8",
    "iso-8859-8-i",
    "iso-8859-10",
    "iso-8859-13",
    "iso-8859-14",
    "iso-8859-15",
    "iso-8859-16",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "windows-874",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "x-mac-cyrillic",
    "gbk",
    "gb18030",
    "big5",
    "euc-jp",
    "iso-2022-jp",
    "shift_jis",
    "euc-kr",
    "utf-16be",
    "utf-16le",
    "x-user-defined",
];

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    /// Reads any label of the standard, without regard to case: `latin1` is `windows-1252` there.
    fn from_str(label: &str) -> Result<Self, UnknownEncoding> {
        encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
            .map(Self)
            .ok_or_else(|| UnknownEncoding(label.to_owned()))
    }
}

impl TryFrom<String> for Encoding {
    type Error = UnknownEncoding;

    fn try_from(label: String) -> Result<Self, UnknownEncoding> {
        label.parse()
    }
}

impl From<Encoding> for &'static str {
    fn from(encoding: Encoding) -> Self {
        encoding.as_str()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl JsonSchema for Encoding {
    fn schema_name() -> Cow<'static, str> {
        "Encoding".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "description": "A label of the WHATWG Encoding Standard; events have its name in lower case.",
            "examples": ["utf-8", "windows-1252", "windows-1251", "shift_jis"],
        })
    }
}

/// The text of a file, without its byte order mark, and the encoding that it was in.
///
/// A byte order mark decides, and must not contradict what the job declares. Without one, what the job declares is
/// used; without that too, the text is UTF-8 if it can be, else Windows-1252 if that is plausible.
pub(super) fn decode(
    bytes: &[u8],
    declared: Option<Encoding>,
) -> Result<(Cow<'_, str>, Encoding), Rejection> {
    // Begins with the byte order mark of UTF-16. Text in UTF-16 never begins with NUL.
    if bytes.starts_with(b"\xFF\xFE\0\0") || bytes.starts_with(b"\0\0\xFE\xFF") {
        return Err(undecodable("the file, from line 1 on, is UTF-32"));
    }
    if let Some((marked, length)) = encoding_rs::Encoding::for_bom(bytes) {
        let marked = Encoding(marked);
        if let Some(declared) = declared.filter(|&declared| declared != marked) {
            let message = format!(
                "the file says in line 1, by its byte order mark, that it is in {marked}, but {declared} was chosen as its \
                 encoding: choose {marked}, or have it detected"
            );
            return Err(Rejection::new(RejectionCode::Undecodable, message));
        }
        let text = strictly(bytes.get(length..).unwrap_or_default(), marked)?;
        return Ok((text, marked));
    }
    if !declared.is_some_and(Encoding::is_utf16) && utf16::is_likely(bytes) {
        let what = "is UTF-16 without a byte order mark, and which of the two kinds it is would be a guess: choose utf-16le or \
                    utf-16be as its encoding, or";
        return Err(undecodable(&format!("the file, from line 1 on, {what}")));
    }
    if let Some(declared) = declared {
        if declared != Encoding::UTF_8 && !declared.is_utf16() && is_surely_utf8(bytes) {
            let message = format!(
                "the file, from line 1 on, is in UTF-8, but {declared} was chosen as its encoding: choose utf-8, or have it detected"
            );
            return Err(Rejection::new(RejectionCode::Undecodable, message));
        }
        return Ok((strictly(bytes, declared)?, declared));
    }
    match str::from_utf8(bytes) {
        Ok(text) => Ok((text.into(), Encoding::UTF_8)),
        Err(_) => Ok((windows_1252(bytes)?, Encoding::WINDOWS_1252)),
    }
}

/// Decodes all bytes, or rejects the first that the encoding does not define.
fn strictly(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, Rejection> {
    match encoding {
        Encoding(encoding) if encoding == encoding_rs::UTF_8 => str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|error| bad_byte(bytes, error.valid_up_to(), "utf-8")),
        Encoding(encoding) if encoding == encoding_rs::UTF_16LE => {
            Ok(utf16::decode(bytes, u16::from_le_bytes)?.into())
        }
        Encoding(encoding) if encoding == encoding_rs::UTF_16BE => {
            Ok(utf16::decode(bytes, u16::from_be_bytes)?.into())
        }
        Encoding(legacy) => {
            let mut decoder = legacy.new_decoder_without_bom_handling();
            let most = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
            let mut text = String::with_capacity(most.unwrap_or(bytes.len()));
            let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
            if let DecoderResult::Malformed(length, after) = result {
                let position = read.saturating_sub(usize::from(length) + usize::from(after));
                return Err(bad_byte(bytes, position, encoding.as_str()));
            }
            // The standard maps undefined bytes of Windows' code pages to control characters that no file has.
            let undefined = |c: char| matches!(c, '\u{80}'..='\u{9F}');
            match text
                .chars()
                .position(undefined)
                .filter(|_| legacy.is_single_byte())
            {
                Some(position) => Err(bad_byte(bytes, position, encoding.as_str())),
                None => Ok(text.into()),
            }
        }
    }
}

/// Whether bytes are UTF-8 beyond doubt: several letters of several bytes, which no other encoding has by chance.
fn is_surely_utf8(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| text.chars().filter(|c| !c.is_ascii()).nth(3).is_some())
}

/// Text that is not UTF-8, where nothing is declared.
fn windows_1252(bytes: &[u8]) -> Result<Cow<'_, str>, Rejection> {
    let (mut decoded, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        decoded += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    if decoded > 0 && decoded >= bad {
        let position = bytes.utf8_chunks().next().map_or(0, |chunk| chunk.valid().len());
        return Err(mixed(bytes, position));
    }
    if let Some(position) = only_utf8(bytes) {
        return Err(mixed(bytes, position));
    }
    let position = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or_default();
    if decoded > 0 || bytes.iter().any(|byte| UNDEFINED_IN_WINDOWS_1252.contains(byte)) {
        let undefined = bytes
            .iter()
            .position(|byte| UNDEFINED_IN_WINDOWS_1252.contains(byte));
        return Err(other_encoding(
            bytes,
            undefined.unwrap_or(position),
            likely::recognise(bytes),
        ));
    }
    match likely::instead_of_windows_1252(bytes) {
        Some(likely) => Err(other_encoding(bytes, position, likely)),
        None => Ok(encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// The first character in UTF-8 of a file whose other lines are Windows-1252.
fn only_utf8(bytes: &[u8]) -> Option<usize> {
    let is_utf8 = |line: &&[u8]| !line.is_ascii() && str::from_utf8(line).is_ok();
    let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
    let others: Vec<u8> = lines().filter(|line| !is_utf8(line)).flatten().copied().collect();
    let is_western = !others.is_ascii()
        && !others.iter().any(|byte| UNDEFINED_IN_WINDOWS_1252.contains(byte))
        && likely::instead_of_windows_1252(&others).is_none();
    let mut before = 0;
    let found = lines().find_map(|line| {
        let position = line.iter().position(|byte| !byte.is_ascii());
        before += line.len();
        is_utf8(&line).then(|| before - line.len() + position.unwrap_or_default())
    })?;
    is_western.then_some(found)
}

/// The five bytes that Windows-1252 leaves undefined. encoding_rs follows the WHATWG, which maps them to control
/// characters.
const UNDEFINED_IN_WINDOWS_1252: [u8; 5] = [0x81, 0x8D, 0x8F, 0x90, 0x9D];

/// Rejects a file in a legacy encoding that has to be declared. Names a line that nobody could read.
fn other_encoding(bytes: &[u8], position: usize, likely: Likely) -> Rejection {
    let line = line_after(bytes.get(..position).unwrap_or_default());
    let byte = bytes.get(position).copied().unwrap_or_default();
    let what = |sample: &str, in_it: &str| {
        let looks = match likely {
            Likely {
                name: Some(name),
                label: Some(label),
            } => format!("it looks like {name}{in_it}. If that is right, choose that encoding ({label}), or"),
            Likely {
                name: Some(name),
                label: None,
            } => format!("it looks like {name}{in_it}. {name} cannot be chosen:"),
            Likely { name: None, .. } => "which other encoding it has cannot be told:".to_owned(),
        };
        undecodable(&format!(
            "the file is neither UTF-8 nor plausible Windows-1252: line {line} has byte 0x{byte:02X}{sample}, and {looks}"
        ))
    };
    let event = what("", "").message;
    let word = |byte: &u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    let start = bytes
        .get(..position)
        .unwrap_or_default()
        .iter()
        .rposition(|byte| !word(byte))
        .map_or(0, |at| at + 1);
    let text: Vec<u8> = bytes
        .get(start..)
        .unwrap_or_default()
        .iter()
        .copied()
        .take_while(word)
        .take(40)
        .collect();
    let in_it = likely.read(&text).map_or_else(String::new, |text| {
        format!(", in which it would read {}", quote_name(&text))
    });
    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&text);
    what(
        &format!(", so that a name would read {}", quote_name(&text)),
        &in_it,
    )
    .with_event_message(event)
}

/// Rejects a file that is mostly UTF-8, except for this byte. Saved in either encoding, it would lose letters of the
/// other.
fn mixed(bytes: &[u8], position: usize) -> Rejection {
    let byte = bytes.get(position).copied().unwrap_or_default();
    let line = line_after(bytes.get(..position).unwrap_or_default());
    let message = format!(
        "line {line} has a character in another encoding than the rest of the file (byte 0x{byte:02X}): correct that line in the \
         list that the file was made from, check that all names look right, and save it as {CSV_IN_UTF8}"
    );
    Rejection::new(RejectionCode::Undecodable, message)
}

fn bad_byte(bytes: &[u8], position: usize, encoding: &str) -> Rejection {
    let byte = bytes.get(position).copied().unwrap_or_default();
    let line = line_after(bytes.get(..position).unwrap_or_default());
    undecodable(&format!(
        "line {line} has a byte (0x{byte:02X}) that cannot be read as {encoding}"
    ))
}

/// Says what is wrong and what to do; a text that ends with `or` or a colon has its own advice first.
fn undecodable(what: &str) -> Rejection {
    let joint = if what.ends_with(" or") || what.ends_with(':') {
        " "
    } else {
        ": "
    };
    Rejection::new(
        RejectionCode::Undecodable,
        format!(
            "{what}{joint}open it so that all names look right (in Excel with Data > From Text/CSV: choose the File Origin, and do \
             not let it detect data types, or leading zeros are lost), save it as {CSV_IN_UTF8}, and upload it again"
        ),
    )
}

#[cfg(test)]
mod tests;
