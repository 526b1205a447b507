//! Usernames.

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};

use super::{check_controls, check_length, check_raw_length, trimmed};
use crate::problem::Flaw;

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

    /// Reads a cell: letters, marks, decimal digits and `. _ - @ +`.
    pub fn parse(cell: &str) -> Result<Self, Flaw> {
        let text = trimmed(cell)?;
        check_raw_length(text, Self::MAX_CHARS)?;
        let name = NFKC.normalize(text).into_owned();
        check_length(name.chars().count(), Self::MAX_CHARS)?;
        check_controls(&name)?;
        match name.chars().find(|&c| !is_allowed(c)) {
            Some(c) => Err(Flaw::Character(c)),
            None => Ok(Self {
                key: fold(&name),
                name,
            }),
        }
    }

    /// The username as it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What usernames that are the same to people have in common: NFKC and full case folding. Unique in a tenant.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// Normalises once more at the end, because folding can part what NFKC had composed.
/// Source: Unicode Standard, section 3.13.5, definition D146.
fn fold(name: &str) -> String {
    NFKC.normalize(&CaseMapper::new().fold_string(name)).into_owned()
}

fn is_allowed(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Mark.contains(category)
        || category == GeneralCategory::DecimalNumber
        || matches!(c, '.' | '_' | '-' | '@' | '+')
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (cell, flaw) in [
            (" \u{A0}".to_owned(), Flaw::Blank),
            ("x".repeat(65), long(65)),
            ("ﬃ".repeat(22), long(66)),
            ("x\0".repeat(33), long(66)),
            // Eighteen characters each, and not worth the work.
            ("ﷺ".repeat(10_000), long(10_000)),
            ("a\0 b".to_owned(), Flaw::ControlCharacter),
            ("a\u{85}b".to_owned(), Flaw::ControlCharacter),
            ("ann lee".to_owned(), Flaw::Character(' ')),
            ("ann/lee".to_owned(), Flaw::Character('/')),
            ("ann\u{200B}".to_owned(), Flaw::Character('\u{200B}')),
            ("Ⅷ½".to_owned(), Flaw::Character('\u{2044}')),
            ("an\u{FFFD}n".to_owned(), Flaw::Character('\u{FFFD}')),
            ("😀".to_owned(), Flaw::Character('😀')),
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
