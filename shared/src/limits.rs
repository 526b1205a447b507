//! How large an upload may be. The worker's configuration can change the numbers.

/// The limits of one upload. `Default` holds the numbers of the help page and the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the file, as it was uploaded.
    pub max_file_bytes: u64,
    /// Most records; blank ones are not counted.
    pub max_rows: usize,
    /// Most columns; those that our own reports append and nameless ones at the end are not counted.
    pub max_columns: usize,
    /// Most UTF-8 bytes of one cell, without the quotes around it and the formula guard before it.
    pub max_cell_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 5 * 1024 * 1024,
            max_rows: 500,
            max_columns: 256,
            max_cell_bytes: 32 * 1024,
        }
    }
}
