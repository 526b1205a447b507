//! How large a file or a cell is, as people read it.

/// A unit in which sizes are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Kilobytes,
    Megabytes,
}

impl Unit {
    /// The largest unit that a size has at least one of.
    pub(super) fn of(bytes: u64) -> Self {
        [Self::Megabytes, Self::Kilobytes]
            .into_iter()
            .find(|unit| bytes >= unit.bytes())
            .unwrap_or(Self::Bytes)
    }

    fn bytes(self) -> u64 {
        match self {
            Self::Bytes => 1,
            Self::Kilobytes => 1024,
            Self::Megabytes => 1024 * 1024,
        }
    }

    /// The size, rounded up to a tenth, so that a size above a limit is never shown as equal to it.
    pub(super) fn at_least(self, bytes: u64) -> String {
        self.tenths(u128::from(bytes) * 10 + u128::from(self.bytes() - 1))
    }

    /// The size, rounded down.
    pub(super) fn at_most(self, bytes: u64) -> String {
        self.tenths(u128::from(bytes) * 10)
    }

    fn tenths(self, tenths: u128) -> String {
        let tenths = tenths / u128::from(self.bytes());
        let (whole, tenth) = (tenths / 10, tenths % 10);
        let name = match self {
            Self::Bytes => "bytes",
            Self::Kilobytes => "KB",
            Self::Megabytes => "MB",
        };
        if tenth == 0 {
            format!("{whole} {name}")
        } else {
            format!("{whole}.{tenth} {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_over_a_limit_is_told_to_be_larger() {
        let mb = 1024 * 1024;
        for (size, limit, told) in [
            (5 * mb + 1, 5 * mb, "5.1 MB, 5 MB"),
            (57 * mb / 10, 5 * mb, "5.7 MB, 5 MB"),
            (7 * mb, 5 * mb + mb / 2, "7 MB, 5.5 MB"),
            (2048, 1024, "2 KB, 1 KB"),
            (5, 4, "5 bytes, 4 bytes"),
        ] {
            let unit = Unit::of(limit);
            assert_eq!(format!("{}, {}", unit.at_least(size), unit.at_most(limit)), told);
        }
    }
}
