//! A check and how it ended: one line of the table that `doctor` prints.

use schemars::JsonSchema;
use serde::Serialize;
use shared::text::printable;
use time::OffsetDateTime;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is well.
    Ok,
    /// Work goes on, but somebody should look.
    Warning,
    /// Work does not go on.
    Failed,
    /// It could not be checked.
    Unchecked,
}

impl Verdict {
    /// The larger, the more urgent.
    pub const fn gravity(self) -> u8 {
        match self {
            Self::Unchecked => 0,
            Self::Ok => 1,
            Self::Warning => 2,
            Self::Failed => 3,
        }
    }
}

/// A check.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Check {
    /// What was looked at.
    pub check: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// Since when it is so, where that is known.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<String>")]
    pub since: Option<OffsetDateTime>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Check {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            since: None,
            advice: None,
        }
    }

    /// Somebody should look.
    pub fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    /// Work does not go on.
    pub fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::warning(check, found, advice)
        }
    }

    /// It could not be checked from here.
    pub fn unchecked(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unchecked,
            ..Self::warning(check, found, advice)
        }
    }

    /// Says since when it is so.
    pub fn since(self, since: Option<OffsetDateTime>) -> Self {
        Self {
            since: since.map(OffsetDateTime::truncate_to_second),
            ..self
        }
    }

    /// As a line of the table, with the advice below.
    pub fn text(&self) -> String {
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
