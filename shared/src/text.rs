//! Text that others wrote, made fit to be shown: on a terminal, in a log, in a sentence.

use std::borrow::Cow;

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

/// Whether a character leaves no trace in a text: two texts that differ by it alone look the same.
/// Source: Unicode, property `Default_Ignorable_Code_Point`.
pub fn is_invisible(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether a character shows itself and does nothing else. Control characters drive terminals and end lines; others
/// reorder what is around them, or are invisible and smuggle text past a reader (among them the tag characters).
pub fn is_visible(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{61C}' | '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}')
        || is_invisible(c))
}

/// The text with every character that is not visible spelled out, line breaks too: on one line, and nothing but text.
///
/// ```
/// assert_eq!(shared::text::printable("ann\u{1b}]0;owned\u{7}\n"), "ann\\u{1b}]0;owned\\u{7}\\n");
/// assert_eq!(shared::text::printable("Zoë 東京"), "Zoë 東京");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_visible) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if is_visible(c) {
            printable.push(c);
        } else {
            printable.extend(c.escape_default());
        }
    }
    Cow::Owned(printable)
}

/// The same for text of several lines, whose breaks are ours.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// JSON that means the same, and of which nothing but text reaches a terminal.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if json.chars().all(is_visible) {
        return Cow::Borrowed(json);
    }
    let mut printable = String::with_capacity(json.len());
    for c in json.chars() {
        if is_visible(c) {
            printable.push(c);
        } else {
            // Inside strings, because what is between them is ASCII.
            for unit in c.encode_utf16(&mut [0; 2]) {
                printable.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(printable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind: C0, DEL, C1, line and paragraph separators, direction, zero width, soft hyphen, filler, variation
    /// selector, interlinear annotation, tag.
    const HOSTILE: &str = "\0\t\r\n\u{1b}\u{7f}\u{9b}\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{61c}\u{200b}\u{feff}\u{ad}\u{3164}\u{e0100}\u{fff9}\u{e0041}\u{e007f}";

    #[test]
    fn nothing_but_text_is_left() {
        let shown = printable(HOSTILE);
        assert!(
            shown.is_ascii() && !shown.contains(|c: char| c.is_ascii_control()),
            "{shown}"
        );
        assert_eq!(shown.matches('\\').count(), HOSTILE.chars().count());
        assert_eq!(printable_lines("a\nb\u{9b}"), "a\nb\\u{9b}");
        let kept = "O'Neil \\ \"Zoë\" 東京 ₽ é";
        assert_eq!(printable(kept), kept);
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "text": HOSTILE });
        let shown = printable_json(&value.to_string()).into_owned();
        assert!(shown.is_ascii(), "{shown}");
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, value);
    }
}
