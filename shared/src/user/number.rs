//! Numbers that are text: virtual extensions and PBX devices. Leading zeros are part of them.

use super::{check_controls, trimmed};
use crate::problem::Flaw;

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

    /// The digits.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A device on the classic PBX: ASCII digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PbxDevice(String);

impl PbxDevice {
    /// Most digits: twice those of the longest telephone number, so that only what is no device at all is refused.
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
    let text = trimmed(cell)?;
    check_controls(text)?;
    if is_damaged(text) {
        return Err(Flaw::SpreadsheetDamage);
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && (fewest..=most).contains(&text.len());
    if is_number {
        Ok(text.to_owned())
    } else {
        Err(Flaw::Format(None))
    }
}

/// Whether a spreadsheet made this of a number: with an exponent, a decimal fraction, or digits in groups of
/// three, as `1.00E+03`, `1001.0`, `1001,00`, `1,001`, `1 001` or `1.001,00`; with a sign too, but `+49 123` is a
/// telephone number. Formats of a spreadsheet also leave `.5` and `1001.`, while a comma there may part a list.
fn is_damaged(text: &str) -> bool {
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        return is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
            && (is_digits(mantissa) || is_fraction(mantissa));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    is_fraction(unsigned)
        || is_grouped(text.strip_prefix('-').unwrap_or(text))
        || unsigned.strip_prefix('.').is_some_and(is_digits)
        || unsigned.strip_suffix('.').is_some_and(is_digits)
}

/// Digits, or groups of them, and a decimal fraction.
fn is_fraction(text: &str) -> bool {
    text.rsplit_once(['.', ','])
        .is_some_and(|(whole, fraction)| is_digits(fraction) && (is_digits(whole) || is_grouped(whole)))
}

/// One to three digits, and groups of three after them, all parted by the same character.
fn is_grouped(text: &str) -> bool {
    let Some(separator) = text.chars().find(|c| !c.is_ascii_digit()) else {
        return false;
    };
    let mut groups = text.split(separator);
    matches!(
        separator,
        ',' | '.' | ' ' | '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}'
    ) && groups
        .next()
        .is_some_and(|first| is_digits(first) && first.len() <= 3)
        && groups.all(|group| is_digits(group) && group.len() == 3)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
        ] {
            assert_eq!(VirtualExtension::parse(cell).unwrap().as_str(), number);
        }
        for cell in [
            "1",
            "12345678901",
            "12a",
            "+1001",
            "+49 123 456",
            ".",
            "-",
            "--5.0",
            "-10",
            "10-01",
            "１００１",
            "٣٤",
            "1001;1002",
            "'1001",
            "1e",
            "e3",
        ] {
            assert_eq!(VirtualExtension::parse(cell), Err(Flaw::Format(None)), "{cell:?}");
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
        assert_eq!(PbxDevice::parse("1.5E+3"), Err(Flaw::SpreadsheetDamage));
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
                Err(Flaw::SpreadsheetDamage),
                "{cell:?}"
            );
        }
        for cell in [
            "1..0", "1,", ",1", "1.2.3", "1,01,001", "10 01", "1_001", "1'001", "1E", "E+03", "1.00E+",
            "1,0,0E1", "12.a", "#REF!", "1-Jan", "1E3.5", "1 0.5",
        ] {
            assert_eq!(VirtualExtension::parse(cell), Err(Flaw::Format(None)), "{cell:?}");
        }
    }
}
