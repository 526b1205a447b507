//! Numbers with their nouns.

use std::fmt::Display;

use shared::contract::event::Summary;

/// The number and the noun, in the plural unless it is one: `1 row`, `2 rows`.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// What became of the rows of an import: `3 created, 1 duplicate, 0 errors`.
pub(crate) fn outcomes(summary: &Summary) -> String {
    format!(
        "{} created, {}, {}",
        summary.created,
        counted(summary.duplicates, "duplicate"),
        counted(summary.errors, "error")
    )
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_alone_has_the_singular() {
        assert_eq!(counted(0_u32, "row"), "0 rows");
        assert_eq!(counted(1_u64, "row"), "1 row");
        assert_eq!(counted(2_usize, "row"), "2 rows");
    }
}
