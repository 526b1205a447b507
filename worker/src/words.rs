//! Numbers: with their nouns, and as somebody types them.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use shared::contract::event::Summary;

/// The number and the noun, in the plural unless it is one: `1 row`, `2 rows`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The outcomes of the rows of an import: `3 created, 1 duplicate, 0 errors`.
pub(crate) fn outcomes(summary: &Summary) -> String {
    format!(
        "{} created, {}, {}",
        summary.created,
        counted(summary.duplicates, "duplicate"),
        counted(summary.errors, "error")
    )
}

/// The parser of an argument that is a whole number of this range.
pub(crate) fn whole_number<N>(range: RangeInclusive<N>) -> impl Fn(&str) -> Result<N, String> + Clone
where
    N: FromStr + PartialOrd + Display + Clone,
{
    move |typed| match typed.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "it takes a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, whole_number};

    #[test]
    fn a_number_outside_its_range_is_told_the_range() {
        let parse = whole_number(1..=500_u16);
        assert_eq!(parse("500"), Ok(500));
        for wrong in ["0", "501", "70000", "-1", "1.5", "x", ""] {
            assert_eq!(
                parse(wrong),
                Err("it takes a whole number from 1 to 500".to_owned())
            );
        }
    }

    #[test]
    fn one_alone_has_the_singular() {
        assert_eq!(counted(0_u32, "row"), "0 rows");
        assert_eq!(counted(1_u64, "row"), "1 row");
        assert_eq!(counted(2_usize, "row"), "2 rows");
    }
}
