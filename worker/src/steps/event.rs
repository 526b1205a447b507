//! Events, made from an import as it stands in the database: made again, they are the same.

use shared::contract::{
    Id,
    event::{Body, Cancelled, Completed, Event, Failed, Progress, Rejected, SpecVersion, Timings},
};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use uuid::Uuid;

use crate::{
    db::{self, Db, Import, State},
    message::{DeadReason, ImportRef},
    storage::report_keys,
};

/// Who speaks in our events.
const SOURCE: &str = "/user-import";

/// A progress event is published whenever another such part of the rows has its outcome.
const PROGRESS_STEPS: u32 = 10;

/// The event of the import's final state; `None` while it has none.
pub async fn final_event(db: &Db, import: &Import) -> Result<Option<Event>, db::Error> {
    let Some(finished_at) = import.finished_at else {
        return Ok(None);
    };
    let ImportRef {
        import_id,
        tenant_id,
        attempt,
    } = import.reference();
    let mode = import.job.mode;
    let file = import.format.clone();
    let body = match import.state {
        State::Received | State::Running => return Ok(None),
        State::Rejected => {
            let rejection = import
                .rejection
                .clone()
                .ok_or_else(|| db::Error::corrupt("rejection_code", "NULL"))?;
            let (code, message) = (rejection.code, rejection.event_message().to_owned());
            Body::Rejected(Rejected {
                import_id,
                tenant_id,
                attempt,
                mode,
                code,
                message,
                file,
            })
        }
        State::Failed => {
            let reason = import.failure_reason.clone().unwrap_or_default();
            Body::Failed(Failed {
                import_id,
                tenant_id,
                attempt,
                reason,
                created: import.summary.created,
            })
        }
        State::Completed => Body::Completed(Completed {
            import_id,
            tenant_id,
            attempt,
            mode,
            summary: import.summary,
            file: file.ok_or_else(|| db::Error::corrupt("encoding", "NULL"))?,
            problems: db.first_problems(tenant_id, import_id).await?,
            reports: report_keys(import.reference()),
            passwords_expire_at: import.passwords_expire_at.map(rfc3339).transpose()?,
            timings: timings(import, finished_at)?,
        }),
        State::Cancelled => Body::Cancelled(Cancelled {
            import_id,
            tenant_id,
            attempt,
            mode,
            summary: import.summary,
            file,
            problems: db.first_problems(tenant_id, import_id).await?,
            // An import that was cancelled before its file was read has no rows to report.
            reports: import.planned_at.map(|_| report_keys(import.reference())),
            passwords_expire_at: import.passwords_expire_at.map(rfc3339).transpose()?,
            timings: timings(import, finished_at)?,
        }),
    };
    // One for each attempt: whatever kind it is, its ID is the same.
    let id = format!("{import_id}/{attempt}");
    Ok(Some(event(import_id, id, rfc3339(finished_at)?, body)))
}

fn timings(import: &Import, finished_at: OffsetDateTime) -> Result<Timings, db::Error> {
    let duration = finished_at - import.received_at;
    Ok(Timings {
        received_at: rfc3339(import.received_at)?,
        planned_at: import.planned_at.map(rfc3339).transpose()?,
        finished_at: rfc3339(finished_at)?,
        duration_ms: u64::try_from(duration.whole_milliseconds()).unwrap_or(0),
    })
}

/// The failed event of an import whose job was not valid, so that there is nothing in the database to make it from. Its ID
/// follows from the job: a corrected one with the same import ID has its own events, which no reader must take for this.
pub fn never_received(
    import_id: Uuid,
    tenant_id: Id,
    job: &[u8],
    reason: DeadReason,
    now: OffsetDateTime,
) -> Result<Event, db::Error> {
    let body = Body::Failed(Failed {
        import_id,
        tenant_id,
        attempt: 1,
        reason: reason.as_str().to_owned(),
        created: 0,
    });
    let id = format!("{import_id}/malformed/{}", Uuid::new_v5(&import_id, job));
    Ok(event(import_id, id, rfc3339(now)?, body))
}

/// The event that says how far the import is, if one of the rows that were settled last, so many, was the first of another
/// step. Rows that others settle at the same time are theirs to tell of, so that no step is told twice.
pub fn progress(after: &Import, rows: u32, now: OffsetDateTime) -> Result<Option<Event>, db::Error> {
    let step = |rows: u32| rows * PROGRESS_STEPS / after.summary.total.max(1);
    let settled = after.summary.total.saturating_sub(after.pending);
    if step(settled.saturating_sub(rows)) == step(settled) {
        return Ok(None);
    }
    let ImportRef {
        import_id,
        tenant_id,
        attempt,
    } = after.reference();
    let body = Body::Progress(Progress {
        import_id,
        tenant_id,
        attempt,
        summary: after.summary,
    });
    let id = format!("{import_id}/{attempt}/progress/{settled}");
    Ok(Some(event(import_id, id, rfc3339(now)?, body)))
}

fn event(import_id: Uuid, id: String, time: String, body: Body) -> Event {
    Event {
        specversion: SpecVersion::V1,
        id,
        source: SOURCE.to_owned(),
        subject: import_id.to_string(),
        time,
        datacontenttype: "application/json".to_owned(),
        body,
    }
}

/// A point in time as events and `status` write it.
pub fn rfc3339(time: OffsetDateTime) -> Result<String, db::Error> {
    let utc = time.to_offset(UtcOffset::UTC);
    utc.format(&Rfc3339)
        .map_err(|error| db::Error::corrupt("a time", error))
}
