//! When two jobs are the same.

use super::{Job, Source};

impl Job {
    /// Whether the other job means the same, so that publishing it is publishing this one again. Who asked for it does
    /// not matter, nor how the ETag is quoted. Whether defaults were written out was already lost when the jobs were
    /// read.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.without_spelling() == other.without_spelling()
    }

    fn without_spelling(&self) -> Self {
        Self {
            requested_by: None,
            source: Source {
                etag: self.source.etag.as_deref().map(normalized_etag),
                ..self.source.clone()
            },
            ..self.clone()
        }
    }
}

/// An ETag without the quotes around it and without the mark of a weak one, which proxies add when they compress.
pub fn normalized_etag(etag: &str) -> String {
    let etag = etag.trim().replace("&quot;", "\"");
    let etag = etag
        .strip_prefix("W/")
        .or(etag.strip_prefix("w/"))
        .unwrap_or(&etag);
    etag.trim_matches(['"', '\'']).to_owned()
}
