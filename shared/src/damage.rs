//! What spreadsheets make of values: numbers, dates and errors.

/// Whether a spreadsheet turned a number into this: with an exponent, a decimal fraction, or digits in groups of three,
/// such as `1.00E+03`, `1001.0`, `1001,00`, `1,001`, `1 001` or `1.001,00`; with a sign too, but `+49 123` is a
/// telephone number. Spreadsheet formats also produce `.5` and `1001.`, while a comma in those places may separate a
/// list.
pub(crate) fn is_number(text: &str) -> bool {
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        return is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
            && (is_digits(mantissa) || is_fraction(mantissa));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    is_fraction(unsigned)
        || is_grouped(text.strip_prefix('-').unwrap_or(text))
        || unsigned.strip_prefix('.').is_some_and(is_digits)
        || unsigned.strip_suffix('.').is_some_and(is_digits)
}

/// Digits, or groups of them, and a decimal fraction.
fn is_fraction(text: &str) -> bool {
    text.rsplit_once(['.', ','])
        .is_some_and(|(whole, fraction)| is_digits(fraction) && (is_digits(whole) || is_grouped(whole)))
}

/// One to three digits, and groups of three after them, all separated by the same character.
fn is_grouped(text: &str) -> bool {
    let Some(separator) = text.chars().find(|c| !c.is_ascii_digit()) else {
        return false;
    };
    let mut groups = text.split(separator);
    // No spreadsheet groups digits after a leading zero: that is how telephone numbers are written.
    let has_zero_in_front = text.len() > 1 && text.starts_with('0');
    !has_zero_in_front
        && matches!(
            separator,
            ',' | '.' | ' ' | '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}'
        )
        && groups
            .next()
            .is_some_and(|first| is_digits(first) && first.len() <= 3)
        && groups.all(|group| is_digits(group) && group.len() == 3)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a spreadsheet turned a long number into this: digits, or a decimal fraction, and an exponent.
pub(crate) fn is_exponent(text: &str) -> bool {
    text.split_once(['e', 'E'])
        .is_some_and(|(mantissa, _)| !mantissa.starts_with(['+', '-']))
        && is_number(text)
}

/// Whether a spreadsheet turned this into a date: three numbers, or a day or year beside the name of a month; a time of
/// day may follow.
pub(crate) fn is_date(text: &str) -> bool {
    let date = match text.split_once(' ') {
        Some((date, time)) if is_time(time) => date,
        _ => text,
    };
    let parts: Vec<&str> = date
        .split(['.', '-', '/', ' '])
        .filter(|part| !part.is_empty())
        .collect();
    let is_short = |part: &&str| is_digits(part) && part.len() <= 4;
    match parts.as_slice() {
        [day, month] => (is_short(day) && is_month(month)) || (is_month(day) && is_short(month)),
        [day, month, year] => {
            let numbers = [day, month, year].iter().filter(|part| is_short(part)).count();
            (numbers == 3 && is_day_month_year(&parts))
                || (numbers == 2 && parts.iter().any(|part| is_month(part)))
        }
        _ => false,
    }
}

/// Three numbers of one, two or four digits, two of which can be a day and a month.
fn is_day_month_year(parts: &[&str]) -> bool {
    let at_most = |most: u32| {
        move |part: &&&str| part.len() <= 2 && part.parse().is_ok_and(|number| (1..=most).contains(&number))
    };
    let (days, months) = (
        parts.iter().filter(at_most(31)).count(),
        parts.iter().filter(at_most(12)).count(),
    );
    days >= 2 && months >= 1 && parts.iter().all(|part| part.len() != 3)
}

fn is_time(text: &str) -> bool {
    text.split(':').count() > 1 && text.split(':').all(|part| is_digits(part) && part.len() == 2)
}

/// The beginnings of the names of months, in the languages of our users.
const MONTHS: [&str; 42] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mär", "mrz", "mai",
    "okt", "dez", "fév", "avr", "jui", "aoû", "déc", "janv", "ene", "abr", "ago", "dic", "fev", "set", "out",
    "gen", "mag", "giu", "lug", "ott", "mrt", "maj", "mei", "sty", "lut", "янв", "фев",
];

fn is_month(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.chars().all(char::is_alphabetic)
        && MONTHS.iter().any(|month| lower.starts_with(month))
        && lower.chars().count() <= 10
}

/// Whether a text stands for a number that was too wide for its column: `####`.
pub(crate) fn is_too_narrow(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|byte| byte == b'#')
}

/// Whether a text is an error value of a spreadsheet, in any language, or stands for a number that was too wide.
pub(crate) fn is_error_value(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('#') else {
        return text.strip_prefix("Err:").is_some_and(is_digits);
    };
    if is_too_narrow(text) {
        return true;
    }
    // Without `!` or `?` at the end: English, German, Dutch, Italian and Spanish, Danish, Russian, Turkish, Hungarian, Czech, Slovak,
    // Polish.
    if [
        "N/A",
        "NV",
        "N/B",
        "N/D",
        "I/T",
        "Н/Д",
        "YOK",
        "HIÁNYZIK",
        "NENÍ_K_DISPOZICI",
        "NEDOSTUPNÝ",
        "BRAK",
        "GETTING_DATA",
    ]
    .contains(&rest)
    {
        return true;
    }
    let word = rest.strip_suffix(['!', '?']).unwrap_or_default();
    word.chars().count() > 1
        && word
            .chars()
            .all(|c| c.is_uppercase() || c.is_ascii_digit() || matches!(c, '/' | '_' | ' ' | '¡' | '¿'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_values_are_known_in_many_languages() {
        for text in [
            "#N/A",
            "#REF!",
            "#NAME?",
            "#VALUE!",
            "#DIV/0!",
            "#NUM!",
            "#NULL!",
            "#SPILL!",
            "#NV",
            "#BEZUG!",
            "#WERT!",
            "#ZAHL!",
            "#NOM?",
            "#VALEUR!",
            "#¡REF!",
            "#¿NOMBRE?",
            "#¡VALOR!",
            "#RIF!",
            "#N/B",
            "#WAARDE!",
            "#DEEL/0!",
            "#ССЫЛКА!",
            "#Н/Д",
            "#SAYI/0!",
            "#ÉRTÉK!",
            "Err:502",
            "###",
            "########",
        ] {
            assert!(is_error_value(text), "{text}");
        }
        for text in [
            "#", "##", "#1", "#ann", "#Ann!", "N/A", "#!", "Err:", "# REF", "#A!",
        ] {
            assert!(!is_error_value(text), "{text}");
        }
    }

    #[test]
    fn an_exponent_makes_a_number_of_a_name() {
        for text in ["4.90001E+11", "1E+05", "4,90002E+11", "1e5"] {
            assert!(is_exponent(text), "{text}");
        }
        for text in ["490001", "1.5", "e5", "1E", "12E5a", "-1E5", "1,000"] {
            assert!(!is_exponent(text), "{text}");
        }
    }
}
