//! The numbers that a tenant's virtual extensions are generated from.

use std::collections::BTreeSet;

use crate::user::VirtualExtension;

/// A run of numbers of equal length. They are text: from `0100` to `0199`, all have the leading zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionRange {
    first: VirtualExtension,
    last: VirtualExtension,
}

/// The two numbers do not form a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{first:?} to {last:?} is not a range of virtual extensions: both have the same 2 to 10 digits in number, and the first is not above the last"
)]
pub struct InvalidRange {
    first: String,
    last: String,
}

impl ExtensionRange {
    /// The range from one number to another, both included. Fails if they are not virtual extensions, differ in length,
    /// or are in the wrong order.
    pub fn new(first: &str, last: &str) -> Result<Self, InvalidRange> {
        match (VirtualExtension::parse(first), VirtualExtension::parse(last)) {
            (Ok(first), Ok(last)) if first.as_str().len() == last.as_str().len() && first <= last => {
                Ok(Self { first, last })
            }
            _ => Err(InvalidRange {
                first: first.to_owned(),
                last: last.to_owned(),
            }),
        }
    }

    /// The lowest number.
    pub fn first(&self) -> &str {
        self.first.as_str()
    }

    /// The highest number.
    pub fn last(&self) -> &str {
        self.last.as_str()
    }

    /// The lowest number that is not in use; `None` if all are.
    ///
    /// ```
    /// use shared::assess::ExtensionRange;
    ///
    /// let range = ExtensionRange::new("0100", "0199")?;
    /// let free = range.lowest_free(&["0100".to_owned()].into());
    /// assert_eq!(free.unwrap().as_str(), "0101");
    /// # Ok::<(), shared::assess::InvalidRange>(())
    /// ```
    pub fn lowest_free(&self, in_use: &BTreeSet<String>) -> Option<VirtualExtension> {
        self.numbers().find(|number| !in_use.contains(number.as_str()))
    }

    /// All numbers, the lowest first.
    pub(super) fn numbers(&self) -> impl Iterator<Item = VirtualExtension> + use<> {
        let width = self.first().len();
        // Ten digits always fit, so the defaults, which make an empty range, are never used.
        let first = self.first().parse::<u64>().unwrap_or(1);
        let last = self.last().parse::<u64>().unwrap_or(0);
        (first..=last).filter_map(move |number| VirtualExtension::parse(&format!("{number:0width$}")).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_use(numbers: &[&str]) -> BTreeSet<String> {
        numbers.iter().map(|&number| number.to_owned()).collect()
    }

    #[test]
    fn the_lowest_free_number_keeps_its_leading_zeros() {
        let range = ExtensionRange::new("0099", "0101").unwrap();
        for (used, free) in [
            (&[][..], Some("0099")),
            (&["0099"], Some("0100")),
            (&["0100"], Some("0099")),
            (&["99", "100", "0099", "0100"], Some("0101")),
            (&["0099", "0100", "0101"], None),
        ] {
            assert_eq!(
                range
                    .lowest_free(&in_use(used))
                    .as_ref()
                    .map(VirtualExtension::as_str),
                free,
                "{used:?}"
            );
        }
        assert_eq!((range.first(), range.last()), ("0099", "0101"));
    }

    #[test]
    fn the_widest_range_costs_no_more_than_the_numbers_in_use() {
        let range = ExtensionRange::new("0000000000", "9999999999").unwrap();
        assert_eq!(
            range.lowest_free(&in_use(&["0000000000"])).unwrap().as_str(),
            "0000000001"
        );
    }

    #[test]
    fn other_pairs_are_no_range() {
        for (first, last) in [
            ("200", "100"),
            ("99", "100"),
            ("1", "9"),
            ("a0", "b0"),
            ("", ""),
            ("10", "12345678901"),
        ] {
            assert!(ExtensionRange::new(first, last).is_err(), "{first} {last}");
        }
        assert!(ExtensionRange::new("10", "10").is_ok());
    }
}
