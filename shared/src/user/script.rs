//! Which scripts a name is written in: letters that look alike make twins of names.

use icu_properties::{
    CodePointMapData, PropertyNamesLong,
    props::Script,
    script::{ScriptWithExtensions, ScriptWithExtensionsBorrowed},
};

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
    for c in text.chars() {
        let script = CodePointMapData::<Script>::new().get(c);
        let name = PropertyNamesLong::<Script>::new()
            .get(script)
            .unwrap_or("another");
        if !matches!(script, Script::Common | Script::Inherited) && !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
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
}
