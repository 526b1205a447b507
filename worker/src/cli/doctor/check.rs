//! One line of the table that `doctor` prints.

use serde::Serialize;
use shared::text::printable;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    Warning,
    Failed,
    /// It could not be looked at.
    Unchecked,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    pub(super) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    pub(super) fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    pub(super) fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::warning(check, found, advice)
        }
    }

    pub(super) fn unchecked(
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Unchecked,
            ..Self::warning(check, found, advice)
        }
    }

    pub(super) fn text(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
            Verdict::Unchecked => "unchecked",
        };
        let mut text = format!("{verdict:<10}{:<22}{}", self.check, printable(&self.found));
        if let Some(advice) = &self.advice {
            text.push_str(&format!("\n{:32}→ {}", "", printable(advice)));
        }
        text
    }
}
