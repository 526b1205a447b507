//! Events, made from an import as it stands in the database. The one that an attempt ends with is kept there: published
//! again, it is the same.

use shared::contract::event::{
    AttemptReports, Body, Cancelled, Completed, Delayed, Event, Failed, Planned, Progress, Received, Refused,
    Rejected, ReportKeys, SpecVersion, Timings,
};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use uuid::Uuid;

use crate::{
    db::{self, Db, Delay, Import, State},
    message::{DeadReason, ImportRef},
    storage::report_keys,
};

/// The source that our events name.
const SOURCE: &str = "/user-import";

/// A progress event is published whenever another tenth of the rows has its outcome.
const PROGRESS_STEPS: u32 = 10;

/// The event of the import's final state; `None` while it has none. The one that is made first is kept: later ones
/// could say less, when rows were purged, or more, after an upgrade.
pub async fn final_event(db: &Db, import: &Import) -> Result<Option<Event>, db::Error> {
    match make_final_event(db, import).await? {
        Some(made) => db.keep_event(import.job.import_id, made).await.map(Some),
        None => Ok(None),
    }
}

async fn make_final_event(db: &Db, import: &Import) -> Result<Option<Event>, db::Error> {
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
    let attempts = db.reported_attempts(import.reference()).await?;
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
            let known: DeadReason = reason.parse().unwrap_or(DeadReason::Unknown);
            Body::Failed(Failed {
                import_id,
                tenant_id,
                attempt,
                reason,
                message: Some(known.sentence().to_owned()),
                created: import.summary.created,
                attempts,
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
            problem_counts: db.problem_counts(import.reference()).await?,
            reports: reports_of(import, &attempts),
            passwords_expire_at: import.passwords_expire_at.map(rfc3339).transpose()?,
            attempts,
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
            problem_counts: db.problem_counts(import.reference()).await?,
            // An import that was cancelled before its file was read has no rows to report.
            reports: import.planned_at.map(|_| reports_of(import, &attempts)),
            attempts,
            passwords_expire_at: import.passwords_expire_at.map(rfc3339).transpose()?,
            timings: timings(import, finished_at)?,
        }),
    };
    // One for each attempt: whatever kind it is, its ID is the same.
    let id = format!("{import_id}/{attempt}");
    Ok(Some(event(import_id, id, rfc3339(finished_at)?, body)))
}

/// The reports of the attempt that the import is in. An earlier release may have written them, without the list of problems.
fn reports_of(import: &Import, attempts: &[AttemptReports]) -> ReportKeys {
    let own = attempts
        .iter()
        .find(|reported| reported.attempt == import.attempt);
    own.map_or_else(
        || ReportKeys {
            problems: None,
            ..report_keys(import.reference())
        },
        |own| own.reports.clone(),
    )
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

/// The event of a job that was refused. Its ID follows from the job: a corrected one with the same import ID has its own events,
/// which no reader may take for this.
pub async fn refused(db: &Db, job: &[u8], data: Refused, now: OffsetDateTime) -> Result<Event, db::Error> {
    let import_id = data.import_id;
    let digest = Uuid::new_v5(&import_id, job);
    let id = format!("{import_id}/refused/{}/{digest}", data.reason);
    let made = event(import_id, id, rfc3339(now)?, Body::Refused(data));
    db.keep_event(import_id, made).await
}

/// The event that a worker has taken the job; made of nothing that changes.
pub fn received(import: &Import) -> Result<Event, db::Error> {
    let ImportRef {
        import_id,
        tenant_id,
        attempt,
    } = import.reference();
    let body = Body::Received(Received {
        import_id,
        tenant_id,
        attempt,
        mode: import.job.mode,
    });
    let id = format!("{import_id}/{attempt}/received");
    Ok(event(import_id, id, rfc3339(import.received_at)?, body))
}

/// The event that all rows are known.
pub async fn planned(db: &Db, import: &Import, now: OffsetDateTime) -> Result<Event, db::Error> {
    let ImportRef {
        import_id,
        tenant_id,
        attempt,
    } = import.reference();
    let body = Body::Planned(Planned {
        import_id,
        tenant_id,
        attempt,
        mode: import.job.mode,
        summary: import.summary,
        pending: import.pending,
        file: import
            .format
            .clone()
            .ok_or_else(|| db::Error::corrupt("encoding", "NULL"))?,
    });
    let id = format!("{import_id}/{attempt}/planned");
    db.keep_event(import_id, event(import_id, id, rfc3339(now)?, body))
        .await
}

/// The event that an import waits for something: the reason as a code and as a sentence.
pub fn delayed(delay: &Delay, (reason, message): (&str, &str)) -> Result<Event, db::Error> {
    let ImportRef {
        import_id,
        tenant_id,
        attempt,
    } = delay.import;
    let body = Body::Delayed(Delayed {
        import_id,
        tenant_id,
        attempt,
        reason: reason.to_owned(),
        message: message.to_owned(),
        since: rfc3339(delay.since)?,
        next_try_at: rfc3339(delay.next_try_at)?,
    });
    let id = format!("{import_id}/{attempt}/delayed/{}", delay.number);
    Ok(event(import_id, id, rfc3339(delay.now)?, body))
}

/// The event that reports the import's progress, if one of the last `rows` rows that got their outcome was the first of
/// another tenth. Batches that are committed at the same time report their own rows, so that no tenth is reported
/// twice.
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
        pending: Some(after.pending),
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
