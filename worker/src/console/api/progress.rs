//! `/api/imports/…/progress`: server-sent events, until the import's state is final.

use std::{convert::Infallible, sync::Arc, time::Duration};

use aide::transform::TransformOperation;
use axum::{
    extract::{Path, State},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use schemars::JsonSchema;
use serde::Serialize;
use tokio_stream::wrappers::WatchStream;
use uuid::Uuid;

use super::media::answers_with;

use crate::{
    console::{
        access::{Administrator, Visitor},
        error::Error,
        state::Console,
        watch::Seen,
    },
    db,
};

/// How often a stream without news shows that it is alive: proxies end silent ones after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How far an import has got.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::console) struct Progress {
    /// `waiting` until a worker takes the job, `unknown` while the database does not answer, otherwise the import's
    /// state.
    pub(in crate::console) state: &'static str,
    /// Rows of the file.
    pub(in crate::console) total: u32,
    /// Rows without an outcome.
    pub(in crate::console) pending: u32,
    pub(in crate::console) created: u32,
    pub(in crate::console) duplicates: u32,
    pub(in crate::console) errors: u32,
    /// Whether it waits after an error, and will go on by itself.
    pub(in crate::console) is_delayed: bool,
    /// Whether it waits because an operator has paused it.
    pub(in crate::console) is_paused: bool,
    /// Whether it has ended, and the stream with it.
    pub(in crate::console) is_final: bool,
}

impl Progress {
    fn of(seen: Seen) -> Self {
        let unseen = |state| Self {
            state,
            total: 0,
            pending: 0,
            created: 0,
            duplicates: 0,
            errors: 0,
            is_delayed: false,
            is_paused: false,
            is_final: false,
        };
        match seen {
            Seen::Waiting => unseen("waiting"),
            Seen::Unknown => unseen("unknown"),
            Seen::Import(progress) => Self {
                state: progress.state.as_str(),
                total: progress.total,
                pending: progress.pending,
                created: progress.created,
                duplicates: progress.duplicates,
                errors: progress.errors,
                is_delayed: progress.is_delayed,
                is_paused: progress.is_paused,
                is_final: progress.state.is_final(),
            },
        }
    }
}

/// Keeps telling how far an import has got. One that no worker has taken yet is told as `waiting`: its tenant is not
/// known then, and nothing of it is told.
pub(super) async fn stream(
    visitor: Visitor,
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    Path(import_id): Path<Uuid>,
) -> Result<Response, Error> {
    let tenant_id = administrator.tenant_id;
    let is_foreign = |import: &db::Import| import.job.tenant_id != tenant_id;
    if console.db.find(import_id).await?.as_ref().is_some_and(is_foreign) {
        return Err(Error::NotFound("import"));
    }
    let place = console.streams.take(tenant_id).ok_or(Error::Busy)?;
    let seen = WatchStream::new(console.watch.follow(import_id));
    let events = events(seen.filter_map(|seen| async move { seen }), tenant_id);
    let events = events.take_until(Box::pin(visitor.until_signed_out(console)));
    let events = events.map(move |event| {
        // Until the stream ends.
        let _place = &place;
        event
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// News up to and including the final one. If it turns out to be another tenant's import, there is none.
fn events(
    seen: impl Stream<Item = Seen> + Send + 'static,
    tenant_id: shared::contract::Id,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let seen = seen
        .take_while(move |seen| {
            let is_ours = !matches!(seen, Seen::Import(progress) if progress.tenant_id != tenant_id.get());
            async move { is_ours }
        })
        .boxed();
    stream::unfold(Some(seen), |seen| async move {
        let mut seen = seen?;
        let progress = Progress::of(seen.next().await?);
        let next = (!progress.is_final).then_some(seen);
        let event = Event::default()
            .event("progress")
            .json_data(&progress)
            .unwrap_or_default();
        Some((Ok(event), next))
    })
}

pub(super) fn describe(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    answers_with(operation, "A stream of events.", "text/event-stream")
        .id("followImport")
        .tag("administrators")
        .summary("Follow an import as server-sent events, until its state is final")
        .description("Each event has the name `progress`, and a `Progress` as its data. The stream also ends when the session or token does.")
}
