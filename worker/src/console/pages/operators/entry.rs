//! Who changes something, and why.

use crate::db::Audit;

/// The entry of a change, with the reason that its form gives.
pub(super) fn audit(subject: String, command: &'static str, form: &[(String, String)]) -> Audit {
    let reason = form.iter().find(|(name, _)| name == "reason");
    Audit {
        command,
        operator: subject,
        reason: reason
            .map(|(_, reason)| reason.trim().to_owned())
            .filter(|reason| !reason.is_empty()),
    }
}
