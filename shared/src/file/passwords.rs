//! The cells of passwords in an upload, which are never kept: neither in the database, nor in the error CSV, nor in a
//! sentence.

use std::collections::BTreeSet;

use super::Delimiter;
use crate::{
    cell,
    field::Field,
    names::{self, Recognised},
    surplus::Surplus,
};

/// A row that names this many different fields is a header: every user needs a username, an email address and a role.
const FIELDS_OF_A_HEADER: usize = 3;

/// The positions of the columns of passwords in the rows of a file, from 0.
#[derive(Debug, Clone, Default)]
pub(super) struct Passwords {
    positions: Vec<usize>,
}

impl Passwords {
    /// The columns that a header names as passwords.
    pub(super) fn of(header: &[String]) -> Self {
        let is_password = |name: &&String| names::is_password(&names::normalise(name));
        let named = header.iter().enumerate().filter(|(_, name)| is_password(name));
        Self {
            positions: named.map(|(position, _)| position).collect(),
        }
    }

    /// Adds those of a header that is repeated further down, as where several lists were pasted below each other. Only
    /// a header names several fields: a user may have a desk named Mail and a skill group named Password Reset.
    pub(super) fn add_header_below(&mut self, row: &[String]) {
        let fields: BTreeSet<Field> = row
            .iter()
            .filter_map(|name| names::recognise(&names::normalise(name)))
            .map(Recognised::field)
            .collect();
        if fields.len() >= FIELDS_OF_A_HEADER && !row.iter().any(|text| text.contains('@')) {
            self.positions.extend(Self::of(row).positions);
            self.positions.sort_unstable();
            self.positions.dedup();
        }
    }

    /// Blanks the cells of passwords in a row. Where it has surplus cells, a delimiter without quotes may have moved them
    /// to the right, so that as many cells more are blanked; the text of surplus cells is forgotten.
    pub(super) fn forget(
        &self,
        row: &mut [String],
        surplus: &mut Surplus,
        width: usize,
        delimiter: Delimiter,
    ) {
        if self.positions.is_empty() {
            return;
        }
        self.blank(row, surplus.count);
        surplus.forget();
        let mut filled = row.iter_mut().filter(|text| !cell::is_blank(text));
        if let (Some(only), None) = (filled.next(), filled.next()) {
            self.forget_in_line(only, width, delimiter);
        }
    }

    /// The same within a cell that holds a whole line of the file.
    fn forget_in_line(&self, line: &mut String, width: usize, delimiter: Delimiter) {
        let delimiter = char::from(delimiter.byte());
        let mut cells: Vec<String> = line.split(delimiter).map(str::to_owned).collect();
        if cells.len() > 1 {
            let surplus = cells.len().saturating_sub(width);
            self.blank(&mut cells, surplus);
            *line = cells.join(&String::from(delimiter));
        }
    }

    fn blank(&self, cells: &mut [String], surplus: usize) {
        let mut done = 0;
        for &position in &self.positions {
            let end = position
                .saturating_add(surplus)
                .saturating_add(1)
                .min(cells.len());
            for text in cells.get_mut(position.max(done)..end).unwrap_or_default() {
                *text = String::new();
            }
            done = done.max(end);
        }
    }
}
