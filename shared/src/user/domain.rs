//! Names of hosts, for e-mail addresses and SIP URIs.

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46, verify_dns_length};

/// Most characters between two dots. The ASCII form of a label is never shorter than its composed form, and the time
/// to make it grows with the square of that, so that longer ones are not even tried.
/// Source: RFC 1035, section 2.3.4.
pub(super) const MAX_LABEL_CHARS: usize = 63;

/// What separates labels. Source: UTS #46, section 4, on the dots that are mapped to the full stop.
const DOTS: [char; 4] = ['.', '。', '．', '｡'];

/// The parts of a name between its dots.
pub(super) fn labels(name: &str) -> impl Iterator<Item = &str> {
    name.split(DOTS)
}

/// The ASCII form of a name whose labels are letters, digits and hyphens. Hyphens are not
/// allowed at the ends of a label, but anywhere else, because such names exist.
/// Source: UTS #46, section 4.2 "ToASCII".
pub(super) fn to_ascii(name: &str) -> Option<String> {
    let name = ComposingNormalizerBorrowed::new_nfc().normalize(name);
    if labels(&name).any(|label| label.chars().count() > MAX_LABEL_CHARS) {
        return None;
    }
    let ascii = Uts46::new().to_ascii(
        name.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    ascii.ok().map(std::borrow::Cow::into_owned)
}

/// Whether the ASCII form has no empty label, none over 63 characters, and at most 253 altogether.
/// Source: RFC 1035, section 2.3.4.
pub(super) fn has_dns_length(ascii: &str) -> bool {
    verify_dns_length(ascii, false)
}
