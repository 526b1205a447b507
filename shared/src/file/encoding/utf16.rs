//! UTF-16: its decoding, and how it is recognised without a byte order mark.

use super::undecodable;
use crate::{file::lines::line_after, rejection::Rejection};

/// Decoded with the standard library because encoding_rs does not say where the first error is.
pub(super) fn decode(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Rejection> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(error) => {
                let what = format!("half a character (0x{:04X})", error.unpaired_surrogate());
                let line = line_after(text.as_bytes());
                return Err(undecodable(&format!(
                    "line {line} has {what}, which cannot be read as UTF-16"
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
pub(super) fn is_likely(bytes: &[u8]) -> bool {
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
