//! Where the reports of an import are.

use shared::contract::{event::ReportKeys, job::tenant_prefix};

use crate::message::ImportRef;

/// Largest report that is read back: reports are a few MiB at most, the source's rows and a sentence for each problem.
pub const MAX_REPORT_BYTES: u64 = 256 * 1024 * 1024;

/// Keys of the reports of an attempt.
pub fn report_keys(import: ImportRef) -> ReportKeys {
    let folder = format!(
        "{}imports/{}/attempt-{}",
        tenant_prefix(import.tenant_id),
        import.import_id,
        import.attempt
    );
    ReportKeys {
        success: format!("{folder}/success.csv"),
        errors: format!("{folder}/errors.csv"),
        problems: Some(format!("{folder}/problems.jsonl")),
    }
}
