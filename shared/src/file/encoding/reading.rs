//! How well the words of a file read in a code page.

use super::{
    language::{Language, western_letters},
    page::CodePage,
    words::Word,
};

/// How well words read in one code page.
pub(super) struct Reading {
    /// The words as they read.
    pub(super) texts: Vec<String>,
    /// The logarithm of how likely each word is, in nats; the languages of the file weigh most.
    scores: Vec<f32>,
    /// The sum of the same for each word in its best language, and how many pairs it covers.
    plain: f32,
    pairs: f32,
}

impl Reading {
    pub(super) fn of(words: &[&[u8]], page: &CodePage, languages: &str) -> Self {
        let languages: Vec<&Language> = languages.split(' ').filter_map(Language::named).collect();
        let is_western = page.name == "Windows-1252" || languages.len() > 10;
        let mut pairs = 0.0;
        let texts: Vec<String> = words.iter().map(|word| page.decode(word)).collect();
        let scores: Vec<(Vec<f32>, f32)> = texts
            .iter()
            .map(|text| {
                let word = Word::of(text);
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
        let plain = scores
            .iter()
            .map(|(scores, letters)| scores.iter().copied().fold(*letters, f32::max));
        let weighted = scores
            .iter()
            .map(|(scores, letters)| best(scores).max(letters + STRANGER.ln()));
        Self {
            scores: weighted.collect(),
            texts,
            plain: plain.sum(),
            pairs,
        }
    }

    /// How likely all words are together.
    pub(super) fn score(&self) -> f32 {
        self.scores.iter().sum()
    }

    /// By how much this reading is likelier than another one of the same words.
    pub(super) fn lead_over(&self, other: &Self) -> f32 {
        let scores = self.scores.iter().zip(&other.scores);
        let texts = self.texts.iter().zip(&other.texts);
        let leads = scores.zip(texts).map(|((here, there), (text, other))| {
            let weight = if text == other { SAME } else { 1.0 };
            (here - there) * weight
        });
        leads.sum()
    }

    /// The mean score of a pair of letters, each word in its best language.
    pub(super) fn mean(&self) -> f32 {
        if self.pairs > 0.0 {
            self.plain / self.pairs
        } else {
            0.0
        }
    }
}

/// How much a word that reads alike in both counts: it only says which languages are likely.
const SAME: f32 = 0.25;

/// How likely a word is to be in a western language whose names are not known.
const STRANGER: f32 = 0.02;

/// How many of the words are in each language: those that read best in it, refined over some rounds.
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
