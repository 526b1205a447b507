//! Text that was UTF-8, was read as Windows-1252, and was saved like that: `JÃ¼rgen` for Jürgen.

use encoding_rs::WINDOWS_1252;

/// What the text was before it was read wrongly; `None` if nothing in it looks like that.
pub(crate) fn meant(text: &str) -> Option<String> {
    let mut meant = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(start) = rest.find(|c: char| !c.is_ascii()) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c: char| c.is_ascii()).unwrap_or(from.len()));
        meant.push_str(before);
        match of_run(run) {
            Some(right) => {
                meant.push_str(&right);
                found = true;
            }
            None => meant.push_str(run),
        }
        rest = after;
    }
    meant.push_str(rest);
    found.then_some(meant)
}

/// Letters that are not ASCII and stand together: as bytes of Windows-1252 they are UTF-8, and as letters they make no sense.
fn of_run(run: &str) -> Option<String> {
    let (bytes, _, unmappable) = WINDOWS_1252.encode(run);
    if unmappable {
        return None;
    }
    let right = str::from_utf8(&bytes).ok()?;
    let letters: Vec<char> = run.chars().collect();
    let makes_sense = letters.chunks(2).all(|pair| match pair {
        // The end of a word in capitals, before a dash or a quotation mark.
        [first, second] => !matches!(first, 'Â' | 'Ã') && is_punctuation(*second),
        _ => false,
    });
    (!makes_sense).then(|| right.to_owned())
}

fn is_punctuation(c: char) -> bool {
    matches!(
        c,
        '\u{2013}'..='\u{203A}' | '«' | '»' | '·' | '®' | '©' | '\u{A0}'
    )
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn text_that_was_read_wrongly_is_told_from_text_that_was_not() {
        for (read, right) in [
            ("JÃ¼rgen MÃ¼ller", "Jürgen Müller"),
            ("FranÃ§ois", "François"),
            ("Å\u{A0}ÄŒasnÃ½", "ŠČasný"),
            ("Ð˜Ð²Ð°Ð½", "Иван"),
            ("Oâ€™Neil", "O’Neil"),
            ("Ãœnal", "Ünal"),
        ] {
            assert_eq!(meant(read).as_deref(), Some(right), "{read}");
        }
        for good in [
            "Jürgen",
            "JOÃO",
            "Ângela",
            "Ñíguez",
            "Äijälä",
            "MÜLLER–LÜDENSCHEIDT",
            "„KÄ“",
            "Łukasz",
            "O’Neil",
            "Þórður",
            "ÄÖÜ",
            "Иван",
            "ann",
        ] {
            assert_eq!(meant(good), None, "{good}");
        }
    }
}
