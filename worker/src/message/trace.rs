//! The trace that a message belongs to.

/// The trace that a message belongs to, in the form of W3C Trace Context. The publisher of a message may write anything here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// What published the message.
    pub parent: Option<String>,
    /// What tracing vendors add.
    pub state: Option<String>,
}

impl Trace {
    /// Header of [`Trace::parent`].
    pub const PARENT_HEADER: &str = "traceparent";

    /// Header of [`Trace::state`].
    pub const STATE_HEADER: &str = "tracestate";

    /// Longest value that is taken from a header. Source: W3C Trace Context, section 3.3.1.5, requires that at least
    /// this much is passed on.
    const MAX_BYTES: usize = 512;

    /// A header's value, unless it cannot be one.
    pub fn accept(value: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(value).ok()?;
        let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        (is_plain && text.len() <= Self::MAX_BYTES).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_trace_header_is_not_taken_for_one() {
        assert_eq!(Trace::accept(b"00-a-b-01"), Some("00-a-b-01".to_owned()));
        for hostile in [&[0xff_u8][..], "é".as_bytes(), b"a\nb", b"\0", &[b'x'; 513]] {
            assert_eq!(Trace::accept(hostile), None, "{hostile:?}");
        }
    }
}
