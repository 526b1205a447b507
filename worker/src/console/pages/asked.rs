//! What an address asks for: an unknown value is refused, and never means everything.

use std::str::FromStr;

use shared::contract::Id;

use crate::console::error::Error;

/// A value of the address; `None` where it is empty. `what` says what it should have been: `the ID of a tenant`.
pub(super) fn asked<T: FromStr>(value: &str, what: &str) -> Result<Option<T>, Error> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let found = value.parse();
    found
        .map(Some)
        .map_err(|_| Error::Invalid(format!("{value:?} is not {what}")))
}

/// A tenant of the address; `None` where it is empty.
pub(super) fn tenant(value: &str) -> Result<Option<Id>, Error> {
    const WHAT: &str = "the ID of a tenant";
    let id: Option<i64> = asked(value, WHAT)?;
    id.map(|id| Id::try_from(id).map_err(|_| Error::Invalid(format!("\"{id}\" is not {WHAT}"))))
        .transpose()
}

/// A place in a list, which a link to its next page names.
pub(super) const PLACE: &str = "a position in this list";
