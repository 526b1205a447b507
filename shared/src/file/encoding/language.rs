//! Which letters stand beside each other in the names of a language, and how often.

use std::{collections::HashMap, sync::LazyLock};

use icu_normalizer::DecomposingNormalizerBorrowed;

/// A pair that is in no name of any language.
const UNKNOWN: f32 = -13.0;
/// What a new pair costs, on top of how often its letter has such neighbours.
const NEW: f32 = -1.5;
/// What it costs if the neighbour is beyond ASCII too.
const ANOTHER: f32 = 2.0;

/// What stands beside a letter.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Neighbour {
    Edge,
    Vowel,
    Consonant,
}

impl Neighbour {
    fn of(c: char) -> Self {
        let mut buffer = [0; 4];
        let marks = DecomposingNormalizerBorrowed::new_nfd().normalize(c.encode_utf8(&mut buffer));
        match marks.chars().next().unwrap_or(c) {
            '^' | '$' => Self::Edge,
            'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'ı' | 'ø' | 'æ' | 'œ' | 'ə' => Self::Vowel,
            _ => Self::Consonant,
        }
    }

    /// How many there are of the kind.
    const fn kinds(self) -> f32 {
        match self {
            Self::Edge => 1.0,
            Self::Vowel => 6.0,
            Self::Consonant => 20.0,
        }
    }
}

/// How often letters stand beside each other in the names of a language, as logarithms.
#[derive(Default)]
pub(super) struct Language {
    pairs: HashMap<[char; 2], f32>,
    /// How often a letter has such a neighbour before (`false`) or behind it, of any kind.
    neighbours: HashMap<(char, bool, Neighbour), f32>,
    letters: HashMap<char, f32>,
}

impl Language {
    /// The language of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        LANGUAGES.get(name)
    }

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
            for (letter, is_behind, neighbour) in [(one, true, other), (other, false, one)] {
                if !letter.is_ascii() {
                    *language.letters.entry(letter).or_default() += score.exp() / 2.0;
                    *language
                        .neighbours
                        .entry((letter, is_behind, Neighbour::of(neighbour)))
                        .or_default() += score.exp();
                }
            }
        }
        language
    }

    /// How likely the pair is in a name, as a logarithm.
    pub(super) fn score(&self, pair: [char; 2]) -> f32 {
        if let Some(score) = self.pairs.get(&pair) {
            return *score;
        }
        let [one, other] = pair;
        let new = match (one.is_ascii(), other.is_ascii()) {
            (true, false) => self.beside(other, false, one),
            (false, true) => self.beside(one, true, other),
            _ => self.beside(one, true, other).max(self.beside(other, false, one)) - ANOTHER,
        };
        (new + NEW).max(UNKNOWN)
    }

    /// How likely a letter is to have this neighbour, by how often it has others of the same kind there.
    fn beside(&self, letter: char, is_behind: bool, neighbour: char) -> f32 {
        let kind = Neighbour::of(neighbour);
        let letters = self.letters.get(&letter).copied().unwrap_or_default();
        let seen = self.neighbours.get(&(letter, is_behind, kind)).copied();
        ((0.9 * seen.unwrap_or_default() + 0.02 * letters) / kind.kinds()).ln()
    }
}

/// Letters of western languages in names that are not known.
pub(super) fn western_letters(pair: [char; 2]) -> f32 {
    const USUAL: &str = "àáâãäåæçèéêëìíîïñòóôõöøùúûüß";
    const RARE: &str = "ýÿœšžðþ";
    let beyond = pair.into_iter().filter(|letter| !letter.is_ascii());
    let letter = |letter: char| match letter {
        letter if USUAL.contains(letter) => -10.0,
        letter if RARE.contains(letter) => -11.5,
        _ => UNKNOWN,
    };
    beyond.clone().map(letter).fold(0.0, f32::min) - if beyond.count() > 1 { 1.0 } else { 0.0 }
}

/// By the names that `letters.txt` gives them.
static LANGUAGES: LazyLock<HashMap<&'static str, Language>> = LazyLock::new(|| {
    let lines = include_str!("letters.txt")
        .lines()
        .filter_map(|line| line.split_once(' '));
    lines
        .map(|(name, entries)| (name, Language::of(entries)))
        .collect()
});
