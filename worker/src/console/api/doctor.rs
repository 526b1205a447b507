//! `/api/operators/doctor`: what is not as it should be.

use std::{sync::Arc, time::Duration};

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    checks::Check,
    console::{access::Operator, error::Error, state::Console},
};

/// How long an answer waits for a look. It takes a second or two, unless a server is away.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    /// The worst first; null while the first look at the servers is under way.
    checks: Option<Vec<Check>>,
}

/// Tells the findings.
pub(super) async fn list(_: Operator, State(console): State<Arc<Console>>) -> Result<Json<Findings>, Error> {
    let checks = console.findings(PATIENCE).await;
    Ok(Json(Findings { checks }))
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListFindings")
        .tag("operators")
        .summary("Say what `doctor` finds, as far as the console can see it")
        .description("The servers are looked at once in 30 seconds at most, for everybody who asks.")
}
