//! Texts in scripts other than Latin.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::{
    Encoding,
    page::{Likely, page},
    words::MAX_BYTES,
};

/// Whether most words consist mostly of letters beyond ASCII.
pub(super) fn is_plausible(words: &[&[u8]]) -> bool {
    let is_foreign = |word: &&&[u8]| word.iter().filter(|byte| **byte >= 0x80).count() * 2 > word.len();
    words.iter().filter(is_foreign).count() * 2 > words.len()
}

/// What a text in a script other than Latin looks like: several bytes to a letter, or the code page whose letters are
/// all of one script.
pub(super) fn recognise(bytes: &[u8], words: &[&[u8]]) -> Option<Likely> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes.get(..MAX_BYTES).unwrap_or(bytes), true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    if !guess.is_single_byte() {
        return Some(Likely {
            name: Some(guess.name()),
            label: Some(Encoding(guess)),
        });
    }
    let guessed = GUESSES
        .iter()
        .find(|(encoding, _)| *encoding == guess.name())
        .map(|(_, name)| *name);
    let coherent = SCRIPTS.iter().filter_map(|&(name, script)| {
        let page = page(name)?;
        let coherence: i32 = words
            .iter()
            .map(|word| coherence(&page.decode(word), script))
            .sum();
        // Of two that are equally coherent, as Cyrillic and Greek often are, the detector knows the likelier one.
        (coherence > 0).then_some((coherence, guessed == Some(name), page))
    });
    coherent
        .max_by_key(|(coherence, is_guessed, _)| (*coherence, *is_guessed))
        .map(|(_, _, page)| Likely::page(page))
}

/// The code pages of Windows, KOI8 and MS-DOS that the detector's guesses stand for.
const GUESSES: [(&str, &str); 12] = [
    ("windows-1251", "Windows-1251"),
    ("ISO-8859-5", "Windows-1251"),
    ("windows-1253", "Windows-1253"),
    ("ISO-8859-7", "Windows-1253"),
    ("windows-1255", "Windows-1255"),
    ("ISO-8859-8", "Windows-1255"),
    ("windows-1256", "Windows-1256"),
    ("ISO-8859-6", "Windows-1256"),
    ("windows-874", "Windows-874"),
    ("KOI8-U", "KOI8-R"),
    ("KOI8-R", "KOI8-R"),
    ("IBM866", "CP 866"),
];

type Script = std::ops::RangeInclusive<char>;
const GREEK: Script = '\u{370}'..='\u{3FF}';
const CYRILLIC: Script = '\u{400}'..='\u{4FF}';
const HEBREW: Script = '\u{590}'..='\u{5FF}';
const ARABIC: Script = '\u{600}'..='\u{6FF}';
const THAI: Script = '\u{E00}'..='\u{E7F}';

/// Code pages of other scripts; of equals the last is chosen.
static SCRIPTS: [(&str, &Script); 12] = [
    ("Mac OS Arabic", &ARABIC),
    ("CP 862", &HEBREW),
    ("CP 737", &GREEK),
    ("Mac OS Greek", &GREEK),
    ("Mac OS Cyrillic", &CYRILLIC),
    ("CP 866", &CYRILLIC),
    ("KOI8-R", &CYRILLIC),
    ("Windows-874", &THAI),
    ("Windows-1256", &ARABIC),
    ("Windows-1255", &HEBREW),
    ("Windows-1253", &GREEK),
    ("Windows-1251", &CYRILLIC),
];

/// Letters of the script count for it; other characters, and a capital after a small letter, against it.
fn coherence(word: &str, script: &Script) -> i32 {
    let mut before_is_small = false;
    let mut coherence = 0;
    for c in word.chars().filter(|c| !c.is_ascii()) {
        coherence += match script.contains(&c) {
            true if before_is_small && c.is_uppercase() => -2,
            true => 1,
            false => -3,
        };
        before_is_small = c.is_lowercase();
    }
    coherence
}
