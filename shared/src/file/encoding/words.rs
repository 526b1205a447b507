//! The words of a file that have a letter beyond ASCII.

use std::collections::HashSet;

use icu_normalizer::ComposingNormalizerBorrowed;

/// How many different words are looked at, and how many bytes of each: far more than needed to decide.
const MAX_WORDS: usize = 400;
const MAX_WORD_BYTES: usize = 40;
/// How much of the file is searched for them.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// Signs of Windows-1252 that stand alone in western texts, and hardly ever alone as the letters that they are in other code
/// pages: € • – — ™ NBSP ¡ £ § © ª « ® ° ± ² ³ µ · º » ½ ¿ ×.
const SIGNS: &[u8] =
    b"\x80\x95\x96\x97\x99\xA0\xA1\xA3\xA7\xA9\xAA\xAB\xAE\xB0\xB1\xB2\xB3\xB5\xB7\xBA\xBB\xBD\xBF\xD7";

/// The different words with a byte beyond ASCII that is not only one sign.
pub(super) fn words(bytes: &[u8]) -> Vec<&[u8]> {
    let bytes = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let mut seen = HashSet::new();
    bytes
        .split(|byte| !(byte.is_ascii_alphabetic() || *byte >= 0x80))
        .filter(|word| !word.is_ascii() && word.len() <= MAX_WORD_BYTES)
        .filter(|word| !matches!(word, [sign] if SIGNS.contains(sign)) && !is_in_quotes(word))
        .filter(|&word| seen.insert(word))
        .take(MAX_WORDS)
        .collect()
}

/// Whether a word of ASCII letters stands in the typographic quotes of Windows: “word” or ‘word’.
const fn is_in_quotes(word: &[u8]) -> bool {
    matches!(word, [b'\x93', word @ .., b'\x94'] | [b'\x91', word @ .., b'\x92'] if word.is_ascii() && !word.is_empty())
}

/// The pairs of letters of a word with at least one beyond ASCII, and what else speaks against the word.
pub(super) struct Word {
    pairs: Vec<[char; 2]>,
    penalty: f32,
}

impl Word {
    pub(super) fn of(text: &str) -> Self {
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
                    let behind: String = rest.clone().collect();
                    word.penalty += apostrophe(&part, &behind);
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
                && !(one.is_ascii() && other.is_ascii())
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

    /// How likely it is, by how likely each pair is.
    pub(super) fn score(&self, pair: impl Fn([char; 2]) -> f32) -> f32 {
        self.penalty + self.pairs.iter().map(|&letters| pair(letters)).sum::<f32>()
    }

    /// How many pairs it counts as.
    pub(super) fn weight(&self) -> f32 {
        let pairs = u16::try_from(self.pairs.len()).map_or(f32::MAX, f32::from);
        pairs.max(1.0) + f32::from(u8::from(self.penalty < 0.0))
    }
}

/// How much speaks against an apostrophe between two parts of a word, which is a letter in code pages of Mac OS and MS-DOS.
fn apostrophe(before: &str, behind: &str) -> f32 {
    const ENDINGS: [&str; 7] = ["t", "s", "d", "m", "re", "ve", "ll"];
    const ELISIONS: [&str; 9] = ["l", "d", "qu", "j", "n", "s", "c", "m", "un"];
    let begins = |test: fn(char) -> bool| behind.chars().next().is_some_and(test);
    let is_vowel = |c: char| "aeiouyhàâéèêëíîïóôúûœ".contains(c);
    if behind.is_empty() {
        -11.0
    } else if before.is_empty() || begins(char::is_uppercase) || ENDINGS.contains(&behind) {
        -7.0
    } else if begins(is_vowel)
        && (ELISIONS.contains(&before) || before.ends_with("ll") || before.ends_with("qu"))
    {
        -9.0
    } else {
        -18.0
    }
}
