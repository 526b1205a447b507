//! Whether a text that is not UTF-8 can be meant as Windows-1252, and if not, what it looks like.
//!
//! Words with a letter beyond ASCII are read in each code page that spreadsheets save, and each reading is compared with
//! the names of the languages that are written in that page: which letters stand beside such letters, and how often
//! (`letters.txt`, made by `tests/encodings/letters.py`). The text is Windows-1252 unless another page that gives
//! another text is clearly likelier, or the letters make no sense in any language of it. How often that is wrong is
//! measured by `tests/encodings/measure.py`.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::{
    Encoding,
    page::{CodePage, page},
};

/// How many different words are looked at, and how many bytes of each: far more than decide.
const MAX_WORDS: usize = 400;
const MAX_WORD_BYTES: usize = 40;
/// How much of the file is searched for them.
const MAX_BYTES: usize = 1024 * 1024;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likely {
    /// The name of the encoding; `None` where it could not be recognised.
    pub(super) name: Option<&'static str>,
    /// How a job declares it, where it can.
    pub(super) label: Option<Encoding>,
}

/// What the text is instead of Windows-1252; `None` where that is plausible.
pub(super) fn instead_of_windows_1252(bytes: &[u8]) -> Option<Likely> {
    let words = words(bytes);
    let western = page("Windows-1252")?;
    let base = Reading::of(&words, western, WESTERN);
    let texts = decoded(&words, western);
    let mut best: Option<(f32, Reading, &'static CodePage)> = None;
    for &(name, languages, handicap) in &LATIN {
        let Some(page) = page(name) else { continue };
        if decoded(&words, page) == texts {
            continue;
        }
        let reading = Reading::of(&words, page, languages);
        let score = reading.score - handicap;
        if best.as_ref().is_none_or(|(other, ..)| score > *other) {
            best = Some((score, reading, page));
        }
    }
    let better = best.filter(|(score, ..)| *score > base.score);
    if let Some((_, reading, page)) = &better
        && reading.mean() > SENSIBLE
    {
        return Some(Likely::page(page));
    }
    let mostly_foreign = words.iter().filter(|word| is_mostly_upper(word)).count() * 2 > words.len();
    let foreign = (mostly_foreign && base.mean() < DOUBTFUL)
        .then(|| foreign(bytes, &words))
        .flatten();
    match (foreign, better) {
        (Some(foreign), _) => Some(foreign),
        (None, Some((_, _, page))) => Some(Likely::page(page)),
        (None, None) if base.mean() < SENSELESS => Some(recognise(bytes)),
        (None, None) => None,
    }
}

/// What a text looks like that cannot be Windows-1252, because of a byte that it leaves undefined.
pub(super) fn recognise(bytes: &[u8]) -> Likely {
    let words = words(bytes);
    let best = LATIN
        .iter()
        .filter_map(|&(name, languages, handicap)| {
            let page = page(name)?;
            let reading = Reading::of(&words, page, languages);
            (reading.mean() > SENSIBLE).then_some((reading.score - handicap, page))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let mostly_foreign = words.iter().filter(|word| is_mostly_upper(word)).count() * 2 > words.len();
    let foreign = || foreign(bytes, &words);
    let latin = best.map(|(_, page)| Likely::page(page));
    let found = if mostly_foreign {
        foreign().or(latin)
    } else {
        latin.or_else(foreign)
    };
    found.unwrap_or(Likely {
        name: None,
        label: None,
    })
}

impl Likely {
    fn page(page: &CodePage) -> Self {
        Self {
            name: Some(page.name),
            label: page.label,
        }
    }
}

/// Mean scores of a pair of letters, in nats: above the first, a reading is good; below the second, it deserves another
/// look; below the third, it makes no sense.
const SENSIBLE: f32 = -7.5;
const DOUBTFUL: f32 = -6.5;
const SENSELESS: f32 = -10.2;

const WESTERN: &str = "de fr es it pt nl sv da no fi ga is et";
const CENTRAL: &str = "pl cs sk hu hr sl ro";

/// Code pages of Latin letters, the languages that are written in them, and by how much they must be likelier than
/// Windows-1252: those of old systems by more.
const LATIN: [(&str, &str, f32); 16] = [
    ("Windows-1250", CENTRAL, 3.0),
    ("Windows-1254", "tr az", 3.0),
    ("Windows-1257", "lt lv et", 3.0),
    ("Windows-1258", "vi", 3.0),
    ("ISO-8859-2", CENTRAL, 8.0),
    ("ISO-8859-15", WESTERN, 6.0),
    ("Mac OS Roman", WESTERN, 5.0),
    ("Mac OS Central European", "pl cs sk hu lt lv et", 6.0),
    ("Mac OS Croatian", "hr sl", 6.0),
    ("Mac OS Romanian", "ro", 6.0),
    ("Mac OS Turkish", "tr az", 6.0),
    ("CP 850", WESTERN, 5.0),
    ("CP 437", WESTERN, 5.5),
    ("CP 852", CENTRAL, 6.0),
    ("CP 857", "tr az", 6.0),
    ("CP 775", "lt lv et", 6.0),
];

/// How well words read in one code page.
struct Reading {
    /// The logarithm of how likely they are, in nats; the languages of the file weigh most.
    score: f32,
    /// The same for each word in its best language.
    plain: f32,
    pairs: f32,
}

impl Reading {
    fn of(words: &[&[u8]], page: &CodePage, languages: &str) -> Self {
        let languages: Vec<&Language> = languages
            .split(' ')
            .filter_map(|name| LANGUAGES.get(name))
            .collect();
        let is_western = page.name == "Windows-1252" || languages.len() > 10;
        let mut pairs = 0.0;
        let scores: Vec<(Vec<f32>, f32)> = words
            .iter()
            .map(|word| {
                let word = Word::of(&page.decode(word));
                pairs += word.weight();
                let by_language = languages
                    .iter()
                    .map(|language| word.score(|pair| language.score(pair)));
                let by_letters = if is_western {
                    word.score(western_letters)
                } else {
                    f32::NEG_INFINITY
                };
                (by_language.collect(), by_letters)
            })
            .collect();
        let weights = weights(&scores, languages.len());
        let best = |scores: &[f32]| {
            let weighted = scores
                .iter()
                .zip(&weights)
                .map(|(score, weight)| score + weight.ln());
            weighted.fold(f32::NEG_INFINITY, f32::max)
        };
        let score = scores
            .iter()
            .map(|(scores, letters)| best(scores).max(letters + STRANGER.ln()));
        let plain = scores
            .iter()
            .map(|(scores, letters)| scores.iter().copied().fold(*letters, f32::max));
        Self {
            score: score.sum(),
            plain: plain.sum(),
            pairs,
        }
    }

    fn mean(&self) -> f32 {
        if self.pairs > 0.0 {
            self.plain / self.pairs
        } else {
            0.0
        }
    }
}

/// How likely a word is of a western language whose names are not known.
const STRANGER: f32 = 0.02;

/// How many of the words are of each language: of those that read best in it, some rounds long.
fn weights(scores: &[(Vec<f32>, f32)], languages: usize) -> Vec<f32> {
    let count = |languages: usize| u16::try_from(languages).map_or(f32::MAX, f32::from);
    let mut weights = vec![1.0 / count(languages); languages];
    for _ in 0..3 {
        let mut words = vec![0.3_f32; languages];
        for (scores, _) in scores {
            let weighted = scores
                .iter()
                .zip(&weights)
                .map(|(score, weight)| score + weight.ln());
            let best = weighted
                .enumerate()
                .max_by(|(_, one), (_, other)| one.total_cmp(other));
            if let Some(words) = best.and_then(|(index, _)| words.get_mut(index)) {
                *words += 1.0;
            }
        }
        let all: f32 = words.iter().sum();
        weights = words.into_iter().map(|words| words / all).collect();
    }
    weights
}

/// The pairs of letters of a word with one beyond ASCII, and what else speaks against the word.
struct Word {
    pairs: Vec<[char; 2]>,
    penalty: f32,
}

impl Word {
    fn of(text: &str) -> Self {
        let text = ComposingNormalizerBorrowed::new_nfc().normalize(text);
        let mut word = Self {
            pairs: Vec::new(),
            penalty: 0.0,
        };
        let mut part = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                // Mac OS and MS-DOS have letters there, Windows an apostrophe and a blank.
                '’' | '‘' | '´' => {
                    let is_prefix = part.len() == 1 && rest.peek().is_some_and(|next| next.is_uppercase());
                    word.penalty += if is_prefix { -7.0 } else { -16.0 };
                    word.part(&std::mem::take(&mut part));
                }
                '\u{A0}' => {
                    let parts_words = part.is_empty() || rest.peek().is_none_or(|next| next.is_uppercase());
                    word.penalty += if parts_words { -8.0 } else { -24.0 };
                    word.part(&std::mem::take(&mut part));
                }
                c => part.push(c),
            }
        }
        word.part(&part);
        word
    }

    fn part(&mut self, part: &str) {
        let cased: Vec<char> = part.chars().collect();
        for pair in cased.windows(2) {
            if let &[one, other] = pair
                && one.is_lowercase()
                && other.is_uppercase()
                && !other.is_ascii()
            {
                self.penalty -= 7.0;
            }
        }
        if part.is_empty() {
            return;
        }
        let marked: Vec<char> = std::iter::once('^')
            .chain(part.to_lowercase().chars())
            .chain(std::iter::once('$'))
            .collect();
        let pairs = marked.windows(2).filter_map(|pair| match pair {
            &[one, other] if !(one.is_ascii() && other.is_ascii()) => Some([one, other]),
            _ => None,
        });
        self.pairs.extend(pairs);
    }

    fn score(&self, pair: impl Fn([char; 2]) -> f32) -> f32 {
        self.penalty + self.pairs.iter().map(|&letters| pair(letters)).sum::<f32>()
    }

    fn weight(&self) -> f32 {
        let pairs = u16::try_from(self.pairs.len()).map_or(f32::MAX, f32::from);
        pairs.max(1.0) + f32::from(u8::from(self.penalty < 0.0))
    }
}

/// A pair that is in no name of any language, and one of letters of which each is in some.
const UNKNOWN: f32 = -13.0;
const NEW: f32 = -6.5;

/// How often letters stand beside each other in the names of a language, as logarithms.
#[derive(Default)]
struct Language {
    pairs: HashMap<[char; 2], f32>,
    letters: HashMap<char, f32>,
}

impl Language {
    fn of(entries: &str) -> Self {
        let mut language = Self::default();
        for entry in entries.split(' ') {
            let mut characters = entry.chars();
            let (Some(one), Some(other)) = (characters.next(), characters.next()) else {
                continue;
            };
            let quarters: f32 = characters.as_str().parse().unwrap_or(0.0);
            let score = quarters / -4.0;
            language.pairs.insert([one, other], score);
            for letter in [one, other].into_iter().filter(|letter| !letter.is_ascii()) {
                // Each letter is in two pairs.
                *language.letters.entry(letter).or_default() += score.exp() / 2.0;
            }
        }
        language
    }

    fn score(&self, pair: [char; 2]) -> f32 {
        if let Some(score) = self.pairs.get(&pair) {
            return *score;
        }
        match pair.map(|letter| (letter.is_ascii(), self.letters.get(&letter))) {
            [(true, _), (false, Some(share))] | [(false, Some(share)), (true, _)] => {
                (NEW + share.ln() / 2.0).max(UNKNOWN)
            }
            _ => UNKNOWN,
        }
    }
}

/// Letters of western languages in names that are not known.
fn western_letters(pair: [char; 2]) -> f32 {
    const LETTERS: &str = "àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžðþ";
    let beyond = pair.into_iter().filter(|letter| !letter.is_ascii());
    match (
        beyond.clone().all(|letter| LETTERS.contains(letter)),
        beyond.count(),
    ) {
        (true, 1) => -10.0,
        (true, _) => -11.0,
        (false, _) => UNKNOWN,
    }
}

static LANGUAGES: LazyLock<HashMap<&'static str, Language>> = LazyLock::new(|| {
    let lines = include_str!("letters.txt")
        .lines()
        .filter_map(|line| line.split_once(' '));
    lines
        .map(|(name, entries)| (name, Language::of(entries)))
        .collect()
});

/// The different words with a byte beyond ASCII.
fn words(bytes: &[u8]) -> Vec<&[u8]> {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut seen = HashSet::new();
    bytes
        .split(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80))
        .filter(|word| !word.is_ascii() && word.len() <= MAX_WORD_BYTES)
        .filter(|&word| seen.insert(word))
        .take(MAX_WORDS)
        .collect()
}

fn decoded(words: &[&[u8]], page: &CodePage) -> Vec<String> {
    words.iter().map(|word| page.decode(word)).collect()
}

fn is_mostly_upper(word: &&[u8]) -> bool {
    word.iter().filter(|byte| **byte >= 0x80).count() * 2 > word.len()
}

/// What a text in other letters than Latin looks like: several bytes to a letter, or the code page whose letters are all of
/// one script.
fn foreign(bytes: &[u8], words: &[&[u8]]) -> Option<Likely> {
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
        // Of two that are as coherent, as Cyrillic and Greek often are, the detector knows the likelier one.
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

/// Code pages of other scripts; of equals the last is taken.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn likely(page_name: &str, text: &str) -> Option<Option<&'static str>> {
        let page = page(page_name).unwrap();
        let reverse = |c: char| {
            (0..=255)
                .find(|&byte| page.decode(&[byte]) == c.to_string())
                .unwrap_or(b'?')
        };
        let bytes: Vec<u8> = text.chars().map(reverse).collect();
        instead_of_windows_1252(&bytes).map(|likely| likely.name)
    }

    #[test]
    fn western_names_are_windows_1252() {
        for text in [
            "Jürgen Müller, Jörg Groß",
            "Zoë, Noé, Loïc, Anaïs, Benoît, Françoise",
            "Núñez, Begoña, Ibáñez, Sofía",
            "Conceição, Simões, João",
            "Søren Kjær, Åse Ødegård",
            "Sigurður Þórarinsson, Guðrún, Ýmir, Ægir",
            "Niccolò",
            "O’Neil",
            "Tõnu Kõiv, Õie",
            "Peña",
        ] {
            assert_eq!(likely("Windows-1252", text), None, "{text}");
        }
    }

    #[test]
    fn other_code_pages_are_recognised() {
        for (name, text) in [
            ("Windows-1250", "Łukasz Wójcik, Małgorzata Ząbek"),
            ("Windows-1250", "Jiří Dvořák, Zdeněk Kučera"),
            ("Windows-1251", "Иван Петров, Ольга Щербакова"),
            ("Windows-1253", "Γιώργος Παπαδόπουλος"),
            ("Windows-1254", "Şükrü Yıldız, Ayşe Doğan"),
            ("Windows-1255", "דוד כהן שרה לוי"),
            ("Windows-1257", "Jānis Bērziņš, Kārlis Ozoliņš"),
            ("KOI8-R", "Иван Петров, Ольга Сидорова"),
            ("CP 866", "Иван Петров, Ольга Сидорова"),
            ("CP 737", "Γιώργος Παπαδόπουλος"),
            ("Mac OS Cyrillic", "Иван Петров, Ольга Сидорова"),
            ("Mac OS Roman", "Jürgen Müller, Jörg Groß, Käthe"),
            ("Mac OS Roman", "Sofía García, José Núñez"),
            ("CP 850", "Béla, Jörg Groß"),
        ] {
            assert_eq!(likely(name, text), Some(Some(name)), "{text}");
        }
    }
}
