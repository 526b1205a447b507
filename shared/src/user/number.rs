//! Numbers that are text: virtual extensions and PBX devices. Leading zeros are part of them.

use super::{check_controls, trimmed};
use crate::{
    cell, damage,
    problem::{Damage, Flaw, character_in_place},
    text::is_invisible,
};

/// A virtual extension: 2 to 10 ASCII digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualExtension(String);

impl VirtualExtension {
    /// Fewest digits.
    pub const MIN_DIGITS: usize = 2;
    /// Most digits.
    pub const MAX_DIGITS: usize = 10;

    /// Reads a cell.
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        digits(cell, Self::MIN_DIGITS, Self::MAX_DIGITS).map(Self)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A device on the classic PBX: ASCII digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbxDevice(String);

impl PbxDevice {
    /// Most digits: twice those of the longest telephone number, so that only what cannot be a device is refused.
    /// Source: ITU-T E.164, 15 digits.
    pub const MAX_DIGITS: usize = 32;

    /// Reads a cell.
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        digits(cell, 1, Self::MAX_DIGITS).map(Self)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn digits(cell: &str, fewest: usize, most: usize) -> Result<String, Flaw> {
    let text = cell::without_text_marker(trimmed(cell)?);
    check_controls(text)?;
    if damage::is_number(text) {
        return Err(Flaw::SpreadsheetDamage(Damage::Number));
    }
    if damage::is_date(text) {
        return Err(Flaw::SpreadsheetDamage(Damage::Date));
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (fewest..=most).contains(&text.len());
    if is_number {
        Ok(text.to_owned())
    } else if let Some((position, character)) = text.chars().enumerate().find(|&(_, c)| is_invisible(c)) {
        let what = format!("it has {}", character_in_place(character, position + 1));
        Err(Flaw::format_with(
            what,
            "clear the cell and type the number again",
        ))
    } else if is_telephone_number(text) {
        Err(Flaw::format_with(
            "it looks like a telephone number",
            "type the extension or device, not the telephone number; digits only",
        ))
    } else if text.chars().all(char::is_numeric) && !text.is_ascii() {
        Err(Flaw::format_with(
            "its digits are not the plain 0 to 9",
            "type it again",
        ))
    } else {
        Err(Flaw::Format(None))
    }
}

/// Digits with what people write between those of telephone numbers, and too many of them for a mistyped extension.
fn is_telephone_number(text: &str) -> bool {
    let numerals = text.strip_prefix('+').unwrap_or(text);
    let is_part = |c: char| c.is_ascii_digit() || cell::is_space(c) || "-/.()".contains(c);
    let count = numerals.bytes().filter(u8::is_ascii_digit).count();
    numerals.chars().all(is_part) && (6..=15).contains(&count) && count < text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_text_of_two_to_ten_digits() {
        for (cell, number) in [
            ("1001", "1001"),
            (" 007\u{A0}", "007"),
            ("10", "10"),
            ("0123456789", "0123456789"),
            ("'0042", "0042"),
        ] {
            assert_eq!(VirtualExtension::parse(cell).unwrap().as_str(), number);
        }
        for cell in [
            "1",
            "12345678901",
            "12a",
            "+1001",
            ".",
            "-",
            "--5.0",
            "-10",
            "10-01",
            "1001;1002",
            "''1001",
            "1e",
            "e3",
        ] {
            assert_eq!(VirtualExtension::parse(cell), Err(Flaw::Format(None)), "{cell:?}");
        }
        for (cell, told) in [
            ("+49 123 456", "telephone number"),
            ("0201-12-345", "telephone number"),
            ("0201\u{200B}", "an invisible character (U+200B) as character 5"),
        ] {
            let Err(Flaw::Format(Some(detail))) = VirtualExtension::parse(cell) else {
                panic!("{cell:?} passed");
            };
            assert!(detail.what.contains(told), "{cell:?}: {detail:?}");
        }
        for cell in ["１００１", "٣٤"] {
            let Err(Flaw::Format(Some(detail))) = VirtualExtension::parse(cell) else {
                panic!("{cell} passed")
            };
            assert!(detail.what.contains("0 to 9"), "{detail:?}");
        }
        assert_eq!(VirtualExtension::parse(" "), Err(Flaw::Blank));
        assert_eq!(VirtualExtension::parse("10\x0001"), Err(Flaw::ControlCharacter));
    }

    #[test]
    fn devices_are_digits_of_any_sensible_length() {
        for cell in ["1", "12345678901", &"7".repeat(32)] {
            assert_eq!(PbxDevice::parse(cell).unwrap().as_str(), cell);
        }
        for cell in ["12a", &"7".repeat(33)] {
            assert_eq!(PbxDevice::parse(cell), Err(Flaw::Format(None)));
        }
        assert_eq!(
            PbxDevice::parse("1.5E+3"),
            Err(Flaw::SpreadsheetDamage(Damage::Number))
        );
    }

    #[test]
    fn what_spreadsheets_do_to_numbers_is_named() {
        for cell in [
            "1.00E+03",
            "1E3",
            "1e+03",
            "1,23E+14",
            "1.00E-03",
            "-1.00E+03",
            "1001.0",
            "1001,0",
            "1001.00",
            "0.5",
            "1,001",
            "1.001",
            "1 001",
            "1\u{A0}001",
            "1\u{202F}001",
            "12,345,678",
            "1.001,00",
            "1,001.50",
            "1 001,0",
            "100.123",
            "-5.0",
            "+1001.0",
            ".5",
            "-.5",
            "1001.",
            "-1,001",
            "-1 001,0",
            "1\u{2007}001",
            "12\u{202F}345\u{202F}678",
        ] {
            assert_eq!(
                VirtualExtension::parse(cell),
                Err(Flaw::SpreadsheetDamage(Damage::Number)),
                "{cell:?}"
            );
        }
        for cell in [
            "1..0", "1,", ",1", "1,01,001", "10 01", "1_001", "1'001", "1E", "E+03", "1.00E+", "1,0,0E1",
            "12.a", "1E3.5",
        ] {
            assert_eq!(VirtualExtension::parse(cell), Err(Flaw::Format(None)), "{cell:?}");
        }
        for cell in [
            "1-Jan",
            "Mär 01",
            "01.03.2001",
            "2001-03-01",
            "3/1/01",
            "01. Okt 2001",
            "1/mars",
            "2001-03-01 00:00:00",
        ] {
            let damage = Err(Flaw::SpreadsheetDamage(Damage::Date));
            assert_eq!(VirtualExtension::parse(cell), damage, "{cell:?}");
        }
    }
}
