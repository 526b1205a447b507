//! Why something is changed.

/// The reason that a form gives.
pub(super) fn reason(form: &[(String, String)]) -> &str {
    let reason = form.iter().find(|(name, _)| name == "reason");
    reason.map_or("", |(_, reason)| reason)
}
