//! What the rescue asks of the database: which markers to send, and which imports have lost their messages.
//!
//! A round puts one marker into every work queue. Queues keep their order, so once all have come out, every message that
//! was in a queue when the round began has been delivered to a worker. An import without progress since then, and for the
//! time that a worker may hold a message, has none left. A shard whose queue does not answer is not waited for: what is
//! in it is as good as lost, and its imports go to other shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use shared::contract::job::Job;
use sqlx::{PgTransaction, types::Json};
use time::OffsetDateTime;

use super::{error::Error, pool::Db, shards::silent};
use crate::{
    message::{ImportRef, MarkedQueue, Marker},
    policy::RESCUED_AT_A_TIME,
};

/// What one look found to do.
#[derive(Debug, Default)]
pub struct Rescue {
    /// Markers that are to be put into their queues.
    pub markers: Vec<Marker>,
    /// Imports whose messages are lost, and whose jobs are to be published again.
    pub lost: Vec<Job>,
}

struct UnderWay {
    queue: String,
    round: i64,
    since: OffsetDateTime,
    sent_at: OffsetDateTime,
    returned_at: Option<OffsetDateTime>,
}

impl Db {
    /// One look. Does nothing while another worker is looking; what it finds is committed before it is published, so
    /// that no two workers publish it, and what a crash keeps from being published is found again.
    pub async fn rescue(&self, queues: &[MarkedQueue], quiet: Duration) -> Result<Rescue, Error> {
        let mut transaction = self.pool.begin().await?;
        let alone = sqlx::query_scalar!(
            r#"SELECT pg_try_advisory_xact_lock(hashtextextended('user-import sweep', 0)) AS "alone!""#
        );
        if !alone.fetch_one(&mut *transaction).await? {
            return Ok(Rescue::default());
        }
        let now = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
            .fetch_one(&mut *transaction)
            .await?;
        let under_way = under_way(&mut transaction, queues).await?;
        let silent = silent(&mut transaction).await?;
        let of_shards: BTreeMap<&str, i32> = queues
            .iter()
            .filter_map(|queue| Some((queue.key.as_str(), i32::from(queue.shard?))))
            .collect();
        let is_silent = |queue: &str| of_shards.get(queue).is_some_and(|shard| silent.contains(shard));
        let returned = under_way
            .iter()
            .filter(|marker| !is_silent(&marker.queue))
            .map(|marker| marker.returned_at)
            .collect::<Option<Vec<_>>>();
        let mut rescue = Rescue::default();
        match (under_way.first(), returned) {
            (None, _) => {
                if any_quiet(&mut transaction, now - quiet).await? {
                    rescue.markers = begin_round(&mut transaction, queues).await?;
                }
            }
            (Some(first), Some(returned)) if returned.iter().all(|at| *at + quiet <= now) => {
                rescue.lost = claim_lost(&mut transaction, first.since).await?;
                if i64::try_from(rescue.lost.len()).unwrap_or(i64::MAX) < RESCUED_AT_A_TIME {
                    end_round(&mut transaction).await?;
                }
            }
            (Some(_), _) => {
                rescue.markers = send_again(&mut transaction, under_way, now - quiet).await?;
            }
        }
        transaction.commit().await?;
        Ok(rescue)
    }

    /// Records that a marker came out of its queue.
    pub async fn note_marker(&self, marker: &Marker) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.probes SET returned_at = clock_timestamp()
              WHERE queue = $1 AND round = $2 AND returned_at IS NULL",
            marker.queue,
            marker.round,
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }

    /// Tells the rescue that a message of a running import is about to be published, perhaps again.
    pub async fn note_progress(&self, import: ImportRef) -> Result<(), Error> {
        sqlx::query!(
            "UPDATE imports.imports SET progress_at = greatest(progress_at, clock_timestamp())
              WHERE import_id = $1 AND tenant_id = $2 AND state = 'running'",
            import.import_id,
            import.tenant_id.get(),
        )
        .execute(&mut *self.pool.acquire().await?)
        .await?;
        Ok(())
    }
}

/// The markers of the round. A round of other queues proves nothing: a worker of another version, or with another
/// number of shards, began it. It is ended, so that as long as both run no loss is found, rather than one that did not
/// happen.
async fn under_way(
    transaction: &mut PgTransaction<'static>,
    queues: &[MarkedQueue],
) -> Result<Vec<UnderWay>, Error> {
    let markers = sqlx::query_as!(
        UnderWay,
        "SELECT queue, round, since, sent_at, returned_at FROM imports.probes ORDER BY queue"
    );
    let markers = markers.fetch_all(&mut **transaction).await?;
    let marked: BTreeSet<&String> = markers.iter().map(|marker| &marker.queue).collect();
    if !markers.is_empty() && marked != queues.iter().map(|queue| &queue.key).collect() {
        end_round(transaction).await?;
        return Ok(Vec::new());
    }
    Ok(markers)
}

async fn any_quiet(transaction: &mut PgTransaction<'static>, before: OffsetDateTime) -> Result<bool, Error> {
    let quiet = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM imports.imports
                           WHERE state IN ('received', 'running') AND progress_at < $1) AS "quiet!""#,
        before,
    );
    Ok(quiet.fetch_one(&mut **transaction).await?)
}

async fn begin_round(
    transaction: &mut PgTransaction<'static>,
    queues: &[MarkedQueue],
) -> Result<Vec<Marker>, Error> {
    let keys: Vec<String> = queues.iter().map(|queue| queue.key.clone()).collect();
    let markers = sqlx::query_as!(
        Marker,
        "INSERT INTO imports.probes (queue, round, since, sent_at)
         SELECT queue, round, clock_timestamp(), clock_timestamp()
           FROM unnest($1::text[]) AS queue, (SELECT nextval('imports.probe_rounds') AS round) AS next
         RETURNING queue, round",
        &keys,
    );
    Ok(markers.fetch_all(&mut **transaction).await?)
}

async fn end_round(transaction: &mut PgTransaction<'static>) -> Result<(), Error> {
    sqlx::query!("DELETE FROM imports.probes")
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Markers that were lost, or wait behind a backlog: a second one does no harm.
async fn send_again(
    transaction: &mut PgTransaction<'static>,
    under_way: Vec<UnderWay>,
    before: OffsetDateTime,
) -> Result<Vec<Marker>, Error> {
    let overdue: Vec<Marker> = under_way
        .into_iter()
        .filter(|marker| marker.returned_at.is_none() && marker.sent_at < before)
        .map(|marker| Marker {
            queue: marker.queue,
            round: marker.round,
        })
        .collect();
    let queues: Vec<String> = overdue.iter().map(|marker| marker.queue.clone()).collect();
    sqlx::query!(
        "UPDATE imports.probes SET sent_at = clock_timestamp() WHERE queue = ANY ($1)",
        &queues,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(overdue)
}

async fn claim_lost(
    transaction: &mut PgTransaction<'static>,
    since: OffsetDateTime,
) -> Result<Vec<Job>, Error> {
    let jobs = sqlx::query_scalar!(
        r#"UPDATE imports.imports SET sweeps = sweeps + 1, progress_at = clock_timestamp()
            WHERE import_id IN (SELECT import_id FROM imports.imports
                                 WHERE state IN ('received', 'running') AND progress_at < $1
                                 ORDER BY progress_at
                                 LIMIT $2)
              AND state IN ('received', 'running') AND progress_at < $1
           RETURNING job AS "job: Json<Job>""#,
        since,
        RESCUED_AT_A_TIME,
    );
    let jobs = jobs.fetch_all(&mut **transaction).await?;
    Ok(jobs.into_iter().map(|job| job.0).collect())
}
