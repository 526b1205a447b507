//! `/api/operators/dead`: messages that could not be processed.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::contract::Id;
use uuid::Uuid;

use super::json::{Body, QueryParams};
use crate::{
    console::{
        access::{Acting, Operator},
        dead_letters::{self, PAGE_LETTERS},
        error::Error,
        state::Console,
    },
    db::{self, DeadFilter, DeadState, Paging, StoredDeadLetter},
    message::DeadReason,
    steps::event::rfc3339,
};

/// Which dead letters to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LetterQuery {
    /// Only those in this state; open ones by default.
    state: Option<DeadState>,
    /// Only those set aside for this reason.
    reason: Option<DeadReason>,
    /// Only those of this tenant.
    tenant_id: Option<Id>,
    /// Only those of this import.
    import_id: Option<Uuid>,
    /// Only those with larger numbers: `next` of the previous answer.
    after: Option<i64>,
}

/// A dead letter, without its content.
#[derive(Debug, Serialize, JsonSchema)]
struct Letter {
    /// Its number.
    dead_letter_id: i64,
    /// When it was set aside, in the format of RFC 3339.
    set_aside_at: String,
    /// Why.
    #[schemars(example = &"retries_exhausted")]
    reason: String,
    /// The error that it was set aside for.
    error: Option<String>,
    /// The queue that it came from.
    origin: String,
    tenant_id: Option<i64>,
    import_id: Option<Uuid>,
    /// The state of that import.
    import_state: Option<db::State>,
    /// How often it was retried before.
    retry_count: i64,
    size_bytes: i64,
    /// Whether only its beginning was kept: it can be discarded but not replayed.
    is_cut: bool,
    /// Its own state: `open`, `replayed` or `discarded`.
    #[schemars(example = &"open")]
    state: String,
    /// When it was replayed or discarded.
    closed_at: Option<String>,
    /// Who did that.
    closed_by: Option<String>,
}

impl Letter {
    fn of(letter: StoredDeadLetter) -> Result<Self, Error> {
        Ok(Self {
            set_aside_at: rfc3339(letter.set_aside_at)?,
            closed_at: letter.closed_at.map(rfc3339).transpose()?,
            dead_letter_id: letter.dead_letter_id,
            reason: letter.reason,
            error: letter.error,
            origin: letter.origin,
            tenant_id: letter.tenant_id,
            import_id: letter.import_id,
            import_state: letter.import_state,
            retry_count: letter.retry_count,
            size_bytes: letter.size_bytes,
            is_cut: letter.is_cut,
            state: letter.state.as_str().to_owned(),
            closed_by: letter.closed_by,
        })
    }
}

/// Dead letters.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Letters {
    /// The oldest first.
    dead_letters: Vec<Letter>,
    /// What to send as `after` to get newer ones; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Lists dead letters.
pub(super) async fn list(
    _: Operator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<LetterQuery>,
) -> Result<Json<Letters>, Error> {
    let filter = DeadFilter {
        state: Some(query.state.unwrap_or(DeadState::Open)),
        reason: query.reason,
        tenant_id: query.tenant_id,
        import_id: query.import_id,
        ..DeadFilter::default()
    };
    let paging = Paging {
        after: query.after,
        limit: PAGE_LETTERS,
    };
    let found = console.db.dead_letters(&filter, paging).await?;
    Ok(Json(Letters {
        dead_letters: found
            .items
            .into_iter()
            .map(Letter::of)
            .collect::<Result<_, _>>()?,
        next: found.next,
    }))
}

pub(super) fn describe_list(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsListDeadLetters")
        .tag("operators")
        .summary("List 100 dead letters, the oldest first, by state, reason, tenant and import")
}

/// Which dead letters to change, and why.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Chosen {
    /// Their numbers.
    #[schemars(length(min = 1, max = 100))]
    dead_letter_ids: Vec<i64>,
    /// Why, for the audit trail.
    #[schemars(length(min = 1))]
    reason: String,
}

impl Chosen {
    /// At most as many as a page has.
    fn letters(&self) -> Result<&[i64], Error> {
        match self.dead_letter_ids.len() {
            1..=100 => Ok(&self.dead_letter_ids),
            _ => Err(Error::Invalid("name 1 to 100 dead letters".to_owned())),
        }
    }
}

/// The outcome.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {
    /// How many were replayed or discarded.
    done: u64,
    /// How many were left where they are: already closed; or too large to be kept, without a queue, or of an import
    /// that cannot be resumed as it is.
    left: u64,
}

/// Replays dead letters.
pub(super) async fn replay(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Body(chosen): Body<Chosen>,
) -> Result<Json<Done>, Error> {
    let audit = operator.audit("dead replay", &chosen.reason)?;
    let found = dead_letters::replay(&console, chosen.letters()?, &audit).await?;
    Ok(Json(Done {
        done: found.replayed,
        left: found.left,
    }))
}

pub(super) fn describe_replay(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsReplayDeadLetters")
        .tag("operators")
        .summary("Replay dead letters: failed imports are resumed, other messages are published again")
}

/// Discards dead letters.
pub(super) async fn discard(
    operator: Acting,
    State(console): State<Arc<Console>>,
    Body(chosen): Body<Chosen>,
) -> Result<Json<Done>, Error> {
    let audit = operator.audit("dead discard", &chosen.reason)?;
    let letters = chosen.letters()?;
    let done = dead_letters::discard(&console, letters, &audit).await?;
    Ok(Json(Done {
        done,
        left: (letters.len() as u64).saturating_sub(done),
    }))
}

pub(super) fn describe_discard(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("operatorsDiscardDeadLetters")
        .tag("operators")
        .summary("Discard dead letters: they are closed and nothing is sent")
}
