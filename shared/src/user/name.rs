//! First and last names.

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{check_controls, check_length, check_raw_length, trimmed};
use crate::{cell, problem::Flaw, text::is_invisible};

/// A first or last name in Unicode form NFC: composed, so that the length counts what people see, and otherwise as
/// it was written (NFKC would turn the `Mª` of a name into `Ma`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Most characters.
    pub const MAX_CHARS: usize = 100;

    /// Reads a cell: anything but control characters, line breaks, characters that reorder the text around them, and
    /// the sign that stands for a lost character; at least one character must be visible.
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        Flaw::check_misread(text)?;
        check_raw_length(text, Self::MAX_CHARS)?;
        let name = ComposingNormalizerBorrowed::new_nfc()
            .normalize(text)
            .into_owned();
        check_length(name.chars().count(), Self::MAX_CHARS)?;
        check_controls(&name)?;
        // None of these is made or taken away by NFC, and people find what they typed.
        if let Some((position, character)) = text.chars().enumerate().find(|&(_, c)| is_refused(c)) {
            return Err(Flaw::Character {
                character,
                position: position + 1,
            });
        }
        if name
            .chars()
            .all(|c| is_invisible(c) || cell::is_space(c) || c == BRAILLE_BLANK)
        {
            return Err(Flaw::Nameless);
        }
        Ok(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Looks like a blank, though Unicode counts it among the symbols.
const BRAILLE_BLANK: char = '\u{2800}';

/// Line and paragraph separators, embeddings and overrides of direction, and U+FFFD.
fn is_refused(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFD}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_people_write_them() {
        for (cell, name) in [
            (" Ann ", "Ann"),
            ("Jean-Luc O'Neil, Jr. 3rd", "Jean-Luc O'Neil, Jr. 3rd"),
            ("Zoe\u{308}", "Zoë"),
            ("Mª Carmen", "Mª Carmen"),
            ("می\u{200C}ترا", "می\u{200C}ترا"),
            ("山田", "山田"),
        ] {
            assert_eq!(Name::parse(cell).unwrap().as_str(), name, "{cell:?}");
        }
        assert!(Name::parse(&"e\u{301}".repeat(100)).is_ok());
    }

    #[test]
    fn the_first_flaw_is_named() {
        assert_eq!(
            Name::parse(&"x\0".repeat(51)),
            Err(Flaw::TooLong {
                characters: 102,
                limit: 100
            })
        );
        assert_eq!(
            Name::parse(&"e\u{301}\u{316}".repeat(200)),
            Err(Flaw::TooLong {
                characters: 600,
                limit: 100
            })
        );
        assert_eq!(Name::parse("A\nB"), Err(Flaw::ControlCharacter));
        for c in ['\u{2028}', '\u{202E}', '\u{2066}', '\u{FFFD}'] {
            let flaw = Flaw::Character {
                character: c,
                position: 2,
            };
            assert_eq!(Name::parse(&format!("A{c}B")), Err(flaw));
        }
        assert_eq!(Name::parse("\u{FEFF}"), Err(Flaw::Blank));
        assert_eq!(Name::parse("\u{200B} \u{3164}"), Err(Flaw::Nameless));
    }
}
