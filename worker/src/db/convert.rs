//! Conversions between the values of Rust and those of the database.

use shared::contract::Id;

use super::error::Error;

/// Row numbers and counters are `integer` in the database, and never negative.
pub(super) fn unsigned(what: &'static str, number: i32) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::corrupt(what, number))
}

pub(super) fn signed(what: &'static str, number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|_| Error::corrupt(what, number))
}

/// Cells are stored as JSON in a `bytea`, because they may hold NUL characters.
pub(super) fn to_json(what: &'static str, cells: &[String]) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(cells).map_err(|error| Error::corrupt(what, error))
}

pub(super) fn from_json(what: &'static str, bytes: &[u8]) -> Result<Vec<String>, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::corrupt(what, error))
}

/// Tenants have positive IDs.
pub(super) fn tenant(number: i64) -> Result<Id, Error> {
    Id::try_from(number).map_err(|error| Error::corrupt("tenant_id", error))
}
