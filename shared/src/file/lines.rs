//! Counts physical lines: CR, LF and CRLF each end one.

/// The line that the next byte is in, from 1.
#[derive(Debug)]
pub(super) struct LineCounter {
    line: u32,
    after_cr: bool,
}

impl LineCounter {
    pub(super) fn new() -> Self {
        Self {
            line: 1,
            after_cr: false,
        }
    }

    pub(super) fn line(&self) -> u32 {
        self.line
    }

    /// Passes some bytes. CR and LF are one line break even where they are passed one by one.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\r' || (byte == b'\n' && !self.after_cr) {
                self.line = self.line.saturating_add(1);
            }
            self.after_cr = byte == b'\r';
        }
    }
}

/// The line of the byte that follows `before`.
pub(super) fn line_after(before: &[u8]) -> u32 {
    let mut counter = LineCounter::new();
    counter.pass(before);
    counter.line()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_of_two_bytes_counts_once_even_when_parted() {
        assert_eq!(line_after(b"a\r\nb\nc\rd"), 4);
        assert_eq!(line_after(b"\n\r\n\r\r"), 5);
        let mut counter = LineCounter::new();
        counter.pass(b"a\r");
        counter.pass(b"");
        counter.pass(b"\nb");
        assert_eq!(counter.line(), 2);
    }
}
