//! What a row has beyond its columns.

use crate::cell;

/// After how many bytes of surplus a row keeps no further cell. The sentence repeats no more of it, because the cell
/// that holds the sentence must not become too large to be read back.
pub(crate) const MAX_SURPLUS_BYTES: usize = 8 * 1024;

/// Cells that no column can take; blank ones are not counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surplus {
    /// How many there are.
    pub count: usize,
    /// All of them, or the first 8 KiB and the rest of the cell in which these end.
    pub kept: Vec<String>,
    /// Whether they are in the columns that our reports append, where no report has such text.
    pub in_report_columns: bool,
    kept_bytes: usize,
}

impl Surplus {
    /// This many cells whose text is no longer known.
    pub fn of_unknown_text(count: usize) -> Self {
        Self {
            count,
            ..Self::default()
        }
    }

    /// None yet, of those in the columns that our reports append.
    pub(crate) fn in_report_columns() -> Self {
        Self {
            in_report_columns: true,
            ..Self::default()
        }
    }

    /// Adds a cell, unless it is blank.
    pub(crate) fn push(&mut self, text: &str) {
        if !cell::is_blank(text) {
            self.count += 1;
            self.keep(text);
        }
    }

    /// Adds the cells that follow.
    pub(crate) fn append(&mut self, other: Self) {
        self.count += other.count;
        for text in other.kept {
            self.keep(&text);
        }
    }

    /// Keeps the count, and no text.
    pub(crate) fn forget(&mut self) {
        self.kept.clear();
    }

    fn keep(&mut self, text: &str) {
        if self.kept_bytes < MAX_SURPLUS_BYTES {
            self.kept_bytes += text.len();
            self.kept.push(text.to_owned());
        }
    }
}
