//! How large a file is, as people read it.

/// A size, rounded up to a tenth, in the units of the worker's own sentences.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        bytes if bytes >= 1024 * 1024 => (1024 * 1024, "MB"),
        bytes if bytes >= 1024 => (1024, "KB"),
        _ => (1, "bytes"),
    };
    let tenths = bytes.saturating_mul(10).div_ceil(unit);
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_never_told_to_be_smaller() {
        for (bytes, text) in [
            (999, "999 bytes"),
            (1024, "1 KB"),
            (1025, "1.1 KB"),
            (5 * 1024 * 1024, "5 MB"),
            (5 * 1024 * 1024 + 1, "5.1 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
