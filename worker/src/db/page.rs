//! Lists, a page at a time.

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging<Cursor> {
    /// What comes after this; `None` is the first page.
    pub after: Option<Cursor>,
    /// At most this many.
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Cursor> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for the next page with; `None` if there is none.
    pub next: Option<Cursor>,
}

impl<Cursor> Paging<Cursor> {
    /// The first page.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// How many a query asks for: one more shows whether there is a next page.
    pub(super) fn one_more(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page, of what a query found.
    pub(super) fn page<T>(self, mut found: Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Page<T, Cursor> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        Page {
            next: found.last().filter(|_| more).map(cursor),
            items: found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one_where_there_is_one() {
        for (found, items, next) in [
            (vec![], vec![], None),
            (vec![7, 8], vec![7, 8], None),
            (vec![7, 8, 9], vec![7, 8], Some(8)),
        ] {
            let page = Paging::first(2).page(found, |number| *number);
            assert_eq!(page, Page { items, next });
        }
    }
}
