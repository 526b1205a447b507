//! Whether a text that is not UTF-8 is plausible as Windows-1252, and if not, what it looks like.
//!
//! Words with a letter beyond ASCII are read in each code page that spreadsheets save, and each reading is compared
//! with the names of the languages that are written in that page: which letters stand beside such letters, and how
//! often (`letters.txt`, made by `tests/encodings/letters.py`). The text is Windows-1252 unless another page that gives
//! a different text is clearly likelier, or the letters make no sense in any language of it. How often that is wrong is
//! measured by `tests/encodings/measure.py`.

use super::{
    foreign,
    page::{CodePage, Likely, page},
    reading::Reading,
    words::words,
};

/// What the text is instead of Windows-1252; `None` where that is plausible.
pub(super) fn instead_of_windows_1252(bytes: &[u8]) -> Option<Likely> {
    let words = words(bytes);
    let base = Reading::of(&words, page("Windows-1252")?, WESTERN);
    let mut best: Option<(f32, Reading, &'static CodePage)> = None;
    for &(name, languages, handicap) in &LATIN {
        let Some(page) = page(name) else { continue };
        let reading = Reading::of(&words, page, languages);
        if reading.texts == base.texts {
            continue;
        }
        let lead = reading.lead_over(&base) - handicap;
        if best.as_ref().is_none_or(|(other, ..)| lead > *other) {
            best = Some((lead, reading, page));
        }
    }
    let better = best.filter(|(lead, ..)| *lead > 0.0);
    if let Some((_, reading, page)) = &better
        && reading.mean() > SENSIBLE
    {
        return Some(Likely::page(choosable(page, &words)));
    }
    let foreign = (foreign::is_plausible(&words) && base.mean() < DOUBTFUL)
        .then(|| foreign::recognise(bytes, &words))
        .flatten();
    match (foreign, better) {
        (Some(foreign), _) => Some(foreign),
        (None, Some((_, _, page))) => Some(Likely::page(choosable(page, &words))),
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
            (reading.mean() > SENSIBLE).then_some((reading.score() - handicap, page))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let foreign = || foreign::recognise(bytes, &words);
    let latin = best.map(|(_, page)| Likely::page(choosable(page, &words)));
    let found = if foreign::is_plausible(&words) {
        foreign().or(latin)
    } else {
        latin.or_else(foreign)
    };
    found.unwrap_or(Likely {
        name: None,
        label: None,
    })
}

/// The page itself, or one that a job can declare and in which the words read the same.
fn choosable(found: &'static CodePage, words: &[&[u8]]) -> &'static CodePage {
    let reads_the_same =
        |other: &&CodePage| words.iter().all(|word| other.decode(word) == found.decode(word));
    if found.label.is_some() {
        return found;
    }
    LATIN
        .iter()
        .filter_map(|(name, ..)| page(name))
        .filter(|other| other.label.is_some())
        .find(reads_the_same)
        .unwrap_or(found)
}

/// Mean scores of a pair of letters, in nats: above the first, a reading is good; below the second, it deserves another
/// look; below the third, it makes no sense.
const SENSIBLE: f32 = -7.5;
const DOUBTFUL: f32 = -6.5;
const SENSELESS: f32 = -10.2;

const WESTERN: &str = "de fr es it pt nl sv da no fi ga is et";
const CENTRAL: &str = "pl cs sk hu hr sl ro";

/// Code pages of Latin letters, the languages that are written in them, and by how much they must be likelier than
/// Windows-1252: those of old systems by more. That of Estonian, most of whose letters are the same, may even be less
/// likely. A file that is rejected is noticed, one that is read wrongly is not.
const LATIN: [(&str, &str, f32); 16] = [
    ("Windows-1250", CENTRAL, 1.0),
    ("Windows-1254", "tr az", 3.0),
    ("Windows-1257", "lt lv et", -1.0),
    ("Windows-1258", "vi", 3.0),
    ("ISO-8859-2", CENTRAL, 8.0),
    ("ISO-8859-15", WESTERN, 6.0),
    ("Mac OS Roman", WESTERN, 5.0),
    ("Mac OS Central European", "pl cs sk hu lt lv et", 5.0),
    ("Mac OS Croatian", "hr sl", 6.0),
    ("Mac OS Romanian", "ro", 6.0),
    ("Mac OS Turkish", "tr az", 6.0),
    ("CP 850", WESTERN, 5.0),
    ("CP 437", WESTERN, 5.5),
    ("CP 852", CENTRAL, 6.0),
    ("CP 857", "tr az", 6.0),
    ("CP 775", "lt lv et", 6.0),
];

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
            "Sant’Angelo, Dell’Orto, Nicolo’",
            "l’équipe de l’école, aujourd’hui",
            "doesn’t, it’s, they’re, ’t Hooft",
            "dell’ufficio",
            "09:00 – 17:00",
            "50 € · 1º 2ª § 5 © 2026 •",
            "Berlin\u{A0}",
            "\u{A0}",
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
            // One name, which as Windows-1252 is not a name of any language.
            ("Mac OS Central European", "Łukasz, Wałęsa"),
            ("Mac OS Roman", "Letícia"),
            ("Mac OS Roman", "Kivistö"),
            // Most words are the same in both.
            (
                "Windows-1250",
                "Anikó Kovács, Béla Horváth, Dezső Dudás, Gergő Tóth",
            ),
            ("Windows-1257", "Jüri Kärner, Tõnu Lõhmus, Nadežda Härm"),
        ] {
            assert_eq!(likely(name, text), Some(Some(name)), "{text}");
        }
    }
}
