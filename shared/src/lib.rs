//! The contract between the Dialer and the import worker, and the rules of an import.
//!
//! Pure: no I/O, no clock, no randomness. The modules are declared in the order in which an import passes them.

pub mod contract;

pub mod field;
pub mod limits;
pub mod names;
pub mod problem;
pub mod rejection;
pub mod text;

pub mod cell;
pub mod formula;

// One after the other, with blank lines because rustfmt would sort them.

pub mod file;

pub mod mapping;

pub mod columns;

pub mod user;

pub mod row;

pub mod assess;

pub mod outcome;

pub mod report;
