//! Which scripts a name is written in: letters that look alike make twins of names.

use std::cmp::Reverse;

use icu_properties::{
    CodePointMapData, PropertyNamesLong,
    props::Script,
    script::{ScriptWithExtensions, ScriptWithExtensionsBorrowed},
};

use crate::problem::Letter;

/// Scripts that are written together, each beside Latin. Source: Unicode TS 39, section 5.2, "Highly Restrictive".
const TOGETHER: [&[Script]; 3] = [
    &[Script::Latin, Script::Han, Script::Hiragana, Script::Katakana],
    &[Script::Latin, Script::Han, Script::Bopomofo],
    &[Script::Latin, Script::Han, Script::Hangul],
];

/// The names of the scripts of a text, if they are mixed more than "highly restrictive" allows; Common and Inherited do not
/// count.
pub(super) fn mixed(text: &str) -> Option<Vec<&'static str>> {
    let extensions: ScriptWithExtensionsBorrowed<'static> = ScriptWithExtensions::new();
    let scripts_of = |c: char| -> Vec<Script> { extensions.get_script_extensions_val(c).iter().collect() };
    let counted: Vec<Vec<Script>> = text
        .chars()
        .map(scripts_of)
        .filter(|scripts| {
            !scripts
                .iter()
                .any(|script| matches!(*script, Script::Common | Script::Inherited))
        })
        .collect();
    let are_all_in = |allowed: &[Script]| {
        counted
            .iter()
            .all(|scripts| scripts.iter().any(|script| allowed.contains(script)))
    };
    let is_one = counted
        .first()
        .is_none_or(|scripts| scripts.iter().any(|script| are_all_in(&[*script])));
    if is_one || TOGETHER.iter().any(|allowed| are_all_in(allowed)) {
        return None;
    }
    let mut names = Vec::new();
    for name in text.chars().filter_map(name_of_script) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// The first letter of the script that has the fewest letters in a text; of several such scripts, of the one that begins last.
pub(super) fn rarest(text: &str) -> Option<Letter> {
    let mut first_letters: Vec<(Letter, usize)> = Vec::new();
    for (index, character) in text.chars().enumerate() {
        let Some(script) = name_of_script(character) else {
            continue;
        };
        match first_letters.iter_mut().find(|(first, _)| first.script == script) {
            Some((_, count)) => *count += 1,
            None => {
                let letter = Letter {
                    character,
                    position: index + 1,
                    script,
                };
                first_letters.push((letter, 1));
            }
        }
    }
    let rarest = first_letters.into_iter().max_by_key(|(_, count)| Reverse(*count));
    rarest.map(|(letter, _)| letter)
}

/// `None` for what is written in many scripts.
fn name_of_script(c: char) -> Option<&'static str> {
    let script = CodePointMapData::<Script>::new().get(c);
    let name = PropertyNamesLong::<Script>::new().get(script);
    (!matches!(script, Script::Common | Script::Inherited)).then(|| name.unwrap_or("another"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_script_and_of_those_written_together_pass() {
        for text in [
            "ann.lee_1",
            "Зоя",
            "Γιώργος",
            "山田太郎",
            "やまだタロウ",
            "yamada太郎",
            "김민수kim",
            "कृष्ण",
            "zoë",
            "٣",
            "王小明ㄅ",
            "12",
        ] {
            assert_eq!(mixed(text), None, "{text}");
        }
    }

    #[test]
    fn other_mixtures_are_named() {
        assert_eq!(mixed("аdam"), Some(vec!["Cyrillic", "Latin"]));
        assert_eq!(mixed("αlpha"), Some(vec!["Greek", "Latin"]));
        assert_eq!(mixed("Зоя山"), Some(vec!["Cyrillic", "Han"]));
    }

    #[test]
    fn the_letter_that_differs_is_found() {
        for (text, character, position, script) in [
            ("аdam", 'а', 1, "Cyrillic"),
            ("ad.аm", 'а', 4, "Cyrillic"),
            ("Зоya", 'y', 3, "Latin"),
            ("山田たろうyаmada", 'а', 7, "Cyrillic"),
        ] {
            let letter = Letter {
                character,
                position,
                script,
            };
            assert_eq!(rarest(text), Some(letter), "{text}");
        }
        assert_eq!(rarest("12.-"), None);
    }
}
