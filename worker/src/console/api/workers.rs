//! `/api/operators/workers` and `/api/operators/queues`: which workers there are, and how much waits.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::QueryParams;
use crate::{
    broker::Waiting,
    console::{access::Operator, error::Error, state::Console},
    db::{Paging, SeenWorker},
    steps::event::rfc3339,
};

/// Workers in an answer.
const PAGE_WORKERS: u32 = 100;

/// Which workers to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct WorkerQuery {
    /// Only workers with later names: `next` of the previous answer.
    after: Option<String>,
}

/// A worker, as it last reported itself.
#[derive(Debug, Serialize, JsonSchema)]
struct Worker {
    name: String,
    /// The version of its program.
    version: String,
    /// Its stage: `consuming` when it is connected and takes messages.
    #[schemars(example = &"consuming")]
    stage: String,
    /// Messages that it held.
    in_hand: i32,
    /// When it started, in the format of RFC 3339.
    started_at: String,
    /// When it reported this.
    seen_at: String,
    /// Whether that is a minute ago or more: it hangs, is cut off, or was killed.
    is_silent: bool,
}

impl Worker {
    fn of(seen: SeenWorker) -> Result<Self, Error> {
        Ok(Self {
            is_silent: seen.is_silent(),
            started_at: rfc3339(seen.started_at)?,
            seen_at: rfc3339(seen.beat_at)?,
            name: seen.name,
            version: seen.version,
            stage: seen.stage,
            in_hand: seen.in_hand,
        })
    }
}

/// The workers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Workers {
    /// By name.
    workers: Vec<Worker>,
    /// What to send as `after` to get more; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists workers.
pub(super) async fn list(
    _: Operator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<WorkerQuery>,
) -> Result<Json<Workers>, Error> {
    let paging = Paging {
        after: query.after,
        limit: PAGE_WORKERS,
    };
    let found = console.db.workers(paging).await?;
    Ok(Json(Workers {
        workers: found
            .items
            .into_iter()
            .map(Worker::of)
            .collect::<Result<_, _>>()?,
        next: found.next,
    }))
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListWorkers")
        .tag("operators")
        .summary("List 100 workers, by name, of those heard from within a day")
}

/// Counts the messages that wait.
pub(super) async fn queues(_: Operator, State(console): State<Arc<Console>>) -> Result<Json<Waiting>, Error> {
    console.waiting().await.map(Json).map_err(Error::Uncounted)
}

pub(super) fn describe_queues(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsCountMessages")
        .tag("operators")
        .summary("Count the messages that wait, by kind of queue")
        .description("They are counted once in 10 seconds at most, however many requests there are.")
}
