//! The contract between the Dialer and the import worker, and the rules of an import.
//!
//! Pure: no I/O, no clock, no randomness. The modules are declared in the order in which an import passes them.

pub mod contract;

pub mod field;
pub mod limits;
pub mod names;
pub mod problem;
pub mod rejection;

pub mod cell;
pub mod guard;

pub mod file;
pub mod user;

pub mod assess;
pub mod mapping;
pub mod outcome;
pub mod report;
pub mod row;
