//! `/api/operators/doctor`: what is not as it should be, and what to do.

use std::{sync::Arc, time::Duration};

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    checks::Check,
    console::{access::Operator, error::Error, state::Console},
};

/// How long an answer waits for the checks. They take a second or two, unless a server is unavailable.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    /// The worst first; null while the servers are being checked for the first time.
    checks: Option<Vec<Check>>,
}

/// Lists the findings.
pub(super) async fn list(_: Operator, State(console): State<Arc<Console>>) -> Result<Json<Findings>, Error> {
    let checks = console.findings(PATIENCE).await;
    Ok(Json(Findings { checks }))
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListFindings")
        .tag("operators")
        .summary("List what `doctor` finds, as far as the console can see it")
        .description("The servers are checked once in 30 seconds at most, however many requests there are.")
}
