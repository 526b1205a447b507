//! Usernames.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};

use super::{check_controls, check_length, check_raw_length, script, trimmed};
use crate::{
    damage,
    problem::{Damage, Flaw},
    text::is_invisible,
};

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// A username in Unicode form NFKC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username {
    name: String,
    key: String,
}

impl Username {
    /// Most characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a cell: letters, marks, decimal digits and `. _ - @ +`, at least one letter or digit, nothing invisible, and
    /// no scripts that are not written together.
    ///
    /// ```
    /// use shared::user::Username;
    ///
    /// let ann = Username::parse(" Ann.B ").unwrap();
    /// assert_eq!((ann.as_str(), ann.key()), ("Ann.B", "ann.b"));
    /// assert!(Username::parse("ann b").is_err());
    /// ```
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        check_raw_length(text, Self::MAX_CHARS)?;
        Flaw::check_misread(text)?;
        let name = NFKC.normalize(text).into_owned();
        check_length(name.chars().count(), Self::MAX_CHARS)?;
        check_controls(&name)?;
        if damage::is_exponent(&name) {
            return Err(Flaw::SpreadsheetDamage(Damage::Number));
        }
        if !name.chars().all(is_allowed) {
            let (position, character) = first_refused(text, &name);
            return Err(Flaw::Character {
                character,
                position: position + 1,
            });
        }
        if !name.chars().any(is_letter_or_digit) {
            return Err(Flaw::Nameless);
        }
        if let Some(scripts) = script::mixed(&name) {
            return Err(Flaw::MixedScripts {
                scripts,
                letter: script::rarest(text).or_else(|| script::rarest(&name)),
            });
        }
        Ok(Self {
            key: fold(&name),
            name,
        })
    }

    /// The username as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What usernames that look the same to people have in common: NFKC and full case folding. Unique in a tenant.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Normalises once more at the end, because folding can decompose what NFKC had composed.
/// Source: Unicode Standard, section 3.13.5, definition D146.
fn fold(name: &str) -> String {
    NFKC.normalize(&CaseMapper::new().fold_string(name)).into_owned()
}

/// The first character of a cell that is refused, or that NFKC turns into a refused one: it turns `´` into a blank and
/// a mark, and `½` into a fraction. It is given as typed, so that people find it.
fn first_refused(typed: &str, name: &str) -> (usize, char) {
    let is_refused = |c: char| {
        let mut buffer = [0; 4];
        !NFKC.normalize(c.encode_utf8(&mut buffer)).chars().all(is_allowed)
    };
    let refused = typed.chars().enumerate().find(|&(_, c)| is_refused(c));
    let made = || name.chars().enumerate().find(|&(_, c)| !is_allowed(c));
    refused.or_else(made).unwrap_or((0, char::REPLACEMENT_CHARACTER))
}

fn is_allowed(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_name_part = is_letter_or_digit(c)
        || GeneralCategoryGroup::Mark.contains(category)
        || matches!(c, '.' | '_' | '-' | '@' | '+');
    is_name_part && !is_invisible(c)
}

fn is_letter_or_digit(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Letter.contains(category) || category == GeneralCategory::DecimalNumber
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Letter;

    #[test]
    fn usernames_are_normalised() {
        for (cell, name) in [
            (" ann.lee_1-x@home+2 ", "ann.lee_1-x@home+2"),
            ("Zoe\u{308}", "Zoë"),
            ("ａｎｎ", "ann"),
            ("ﬁn", "fin"),
            ("Зоя", "Зоя"),
            ("कृष्ण", "कृष्ण"),
            ("٣", "٣"),
        ] {
            assert_eq!(Username::parse(cell).unwrap().as_str(), name, "{cell:?}");
        }
    }

    #[test]
    fn keys_are_equal_without_regard_to_case() {
        for (one, other) in [
            ("Ann", "aNN"),
            ("STRASSE", "straße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬁN", "FIN"),
            ("\u{3AA}\u{301}", "\u{390}"),
        ] {
            assert_eq!(
                Username::parse(one).unwrap().key(),
                Username::parse(other).unwrap().key(),
                "{one}"
            );
        }
        assert_eq!(Username::parse("Straße").unwrap().key(), "strasse");
        assert_ne!(
            Username::parse("ann").unwrap().key(),
            Username::parse("anna").unwrap().key()
        );
    }

    #[test]
    fn the_first_flaw_is_named() {
        let long = |characters| Flaw::TooLong {
            characters,
            limit: 64,
        };
        let character = |character, position| Flaw::Character { character, position };
        for (cell, flaw) in [
            (" \u{A0}".to_owned(), Flaw::Blank),
            ("x".repeat(65), long(65)),
            ("ﬃ".repeat(22), long(66)),
            ("x\0".repeat(33), long(66)),
            // Eighteen characters each, and not worth the work.
            ("ﷺ".repeat(10_000), long(10_000)),
            ("a\0 b".to_owned(), Flaw::ControlCharacter),
            ("a\u{85}b".to_owned(), Flaw::ControlCharacter),
            ("ann lee".to_owned(), character(' ', 4)),
            ("ann/lee".to_owned(), character('/', 4)),
            ("ann\u{200B}".to_owned(), character('\u{200B}', 4)),
            ("ann\u{FE0F}".to_owned(), character('\u{FE0F}', 4)),
            ("a\u{34F}nn".to_owned(), character('\u{34F}', 2)),
            ("ann\u{3164}".to_owned(), character('\u{3164}', 4)),
            ("ann\u{E0041}".to_owned(), character('\u{E0041}', 4)),
            // As it was typed, and its position there.
            ("Ⅷ½".to_owned(), character('½', 2)),
            ("O´Neil".to_owned(), character('´', 2)),
            ("Zoe\u{308} x".to_owned(), character(' ', 5)),
            ("ﬁnn\u{A0}".repeat(2), character('\u{A0}', 4)),
            ("an\u{FFFD}n".to_owned(), character('\u{FFFD}', 3)),
            ("😀".to_owned(), character('😀', 1)),
            ("-".to_owned(), Flaw::Nameless),
            (".@_".to_owned(), Flaw::Nameless),
            ("\u{301}".to_owned(), Flaw::Nameless),
            ("1E+05".to_owned(), Flaw::SpreadsheetDamage(Damage::Number)),
            (
                "\u{430}dam".to_owned(),
                Flaw::MixedScripts {
                    scripts: vec!["Cyrillic", "Latin"],
                    letter: Some(Letter {
                        character: '\u{430}',
                        position: 1,
                        script: "Cyrillic",
                    }),
                },
            ),
        ] {
            assert_eq!(Username::parse(&cell), Err(flaw), "{cell:?}");
        }
        assert!(Username::parse(&"x".repeat(64)).is_ok());
        assert!(Username::parse(&"e\u{301}".repeat(64)).is_ok());
        let four_each = "\u{3B1}\u{313}\u{300}\u{345}";
        assert!(Username::parse(&four_each.repeat(64)).is_ok());
        assert_eq!(Username::parse(&four_each.repeat(65)), Err(long(260)));
    }
}
