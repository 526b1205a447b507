//! Why something is changed.

use crate::console::form::Fields;

/// The reason that a form gives.
pub(super) fn reason(form: &Fields) -> &str {
    form.value("reason").unwrap_or_default()
}
