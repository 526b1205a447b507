//! `user-import doctor`.

mod checks;

use std::process::ExitCode;

use serde::Serialize;

use super::operator::show;

/// Options of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Looks at what a worker would find in this environment: configuration, database (role, permissions, schema, clock),
broker (exchanges, queues, permissions), object storage (writes, reads and deletes a small object under tenants/0/),
and the seal keys of all open imports. It reads the same environment variables as `work` and changes nothing.

Exit codes: 0 nothing failed (there may be warnings); 1 something failed; 2 usage.")]
pub(super) struct Args {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Check {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            advice: None,
        }
    }

    fn warning(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            advice: Some(advice.into()),
            ..Self::ok(check, found)
        }
    }

    fn failed(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::warning(check, found, advice)
        }
    }

    fn text(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        let mut text = format!("{verdict:<8}{:<22}{}", self.check, self.found);
        if let Some(advice) = &self.advice {
            text.push_str(&format!("\n{:30}→ {advice}", ""));
        }
        text
    }
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let checks = checks::all().await;
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
    let mut lines: Vec<String> = checks.iter().map(Check::text).collect();
    lines.push(format!(
        "{} checks: {failed} failed, {warnings} warnings",
        checks.len()
    ));
    let value = serde_json::json!({ "checks": checks, "failed": failed, "warnings": warnings });
    show(args.json, &value, &lines.join("\n"))?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
