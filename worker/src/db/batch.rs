//! Rows become users: hashes go in; users, outcomes and counters come out of one short transaction.

use shared::contract::{Id, event::Summary};
use sqlx::PgTransaction;

use super::{
    convert::{signed, unsigned},
    error::Error,
    import::Import,
    pool::Db,
    refuse::{Counts, refuse_conflicts, refuse_lost_references},
    tenant_lock::lock_tenant,
};
use crate::message::{ImportRef, RowRange};

/// How often rows are tried again whose conflict was gone when it was looked at. Each time somebody has to delete a user
/// within a millisecond, so that twice is rare and three times is another trouble.
const ROUNDS: usize = 3;

/// Password hashes of rows.
#[derive(Debug, Clone)]
pub struct Hashed {
    /// Numbers of the rows.
    pub rows: Vec<u32>,
    /// Their hashes as PHC strings, in the same order.
    pub hashes: Vec<String>,
}

/// How the import stands after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Rows that got their outcome just now.
    pub rows: u32,
    /// Counts of outcomes.
    pub summary: Summary,
    /// Rows without an outcome.
    pub pending: u32,
}

/// What became of an attempt to create users.
struct Created {
    /// Rows that are still pending.
    open: Vec<i32>,
    /// How the import stands, if a user was created.
    committed: Option<Committed>,
}

/// The import's counters, as the statements that move them return them.
struct Counters {
    total: i32,
    created: i32,
    duplicates: i32,
    errors: i32,
    cancelled: i32,
    pending: i32,
}

impl Counters {
    fn committed(&self, rows: u32) -> Result<Committed, Error> {
        Ok(Committed {
            rows,
            summary: Summary {
                total: unsigned("total", self.total)?,
                created: unsigned("created", self.created)?,
                duplicates: unsigned("duplicates", self.duplicates)?,
                errors: unsigned("errors", self.errors)?,
                cancelled: unsigned("cancelled", self.cancelled)?,
            },
            pending: unsigned("pending", self.pending)?,
        })
    }
}

impl Db {
    /// The rows of a batch that are still pending.
    pub async fn pending_rows_in(&self, import: ImportRef, rows: RowRange) -> Result<Vec<u32>, Error> {
        let rows = sqlx::query_scalar!(
            "SELECT row_number FROM imports.rows
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending' AND row_number BETWEEN $3 AND $4
              ORDER BY row_number",
            import.import_id,
            import.tenant_id.get(),
            signed("first_row", rows.first)?,
            signed("last_row", rows.last)?,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        rows.into_iter()
            .map(|number| unsigned("row_number", number))
            .collect()
    }

    /// Creates the users of the rows that are still pending, gives every row its outcome and moves the counters.
    /// Does nothing to rows that have their outcome, nor to an import that is not running in this attempt any more: then
    /// it returns `None`, else how the import stands now.
    pub async fn commit_batch(&self, import: &Import, hashed: &Hashed) -> Result<Option<Committed>, Error> {
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, import.job.tenant_id).await?;
        let Created {
            mut open,
            mut committed,
        } = create_users(&mut transaction, import, hashed).await?;
        if !open.is_empty() {
            let mut rows = committed.map_or(0, |committed| committed.rows);
            let mut counts = refuse_lost_references(&mut transaction, import, &open).await?;
            for _ in 0..ROUNDS {
                counts.add(refuse_conflicts(&mut transaction, import, &open).await?);
                let again = create_users(&mut transaction, import, hashed).await?;
                rows += again.committed.map_or(0, |committed| committed.rows);
                open = again.open;
                if open.is_empty() {
                    break;
                }
            }
            if !open.is_empty() {
                return Err(Error::Uncommitted(open));
            }
            let counters = count_refused(&mut transaction, import, &counts).await?;
            committed = Some(counters.committed(rows + counts.duplicates + counts.errors)?);
        }
        transaction.commit().await?;
        Ok(committed)
    }
}

/// Creates what can be created and counts it. Everything in one statement, because this is what happens to nearly every
/// batch: rows whose references are lost, or whose user is there already, are left to those who can say why.
async fn create_users(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    hashed: &Hashed,
) -> Result<Created, Error> {
    let numbers = hashed
        .rows
        .iter()
        .map(|row| signed("row", *row))
        .collect::<Result<Vec<_>, _>>()?;
    if numbers.len() != hashed.hashes.len() {
        // UNNEST would fill the shorter array up with NULL.
        return Err(Error::corrupt(
            "the batch",
            format!("{} rows, {} hashes", numbers.len(), hashed.hashes.len()),
        ));
    }
    let job = &import.job;
    let two_factor = match job.two_factor {
        shared::contract::job::TwoFactor::Default => None,
        chosen => Some(chosen.as_str()),
    };
    let row = sqlx::query!(
        r#"WITH given AS (
               SELECT r.row_number, r.idempotency_key, r.username, r.username_key, r.email, r.virtual_extension,
                      r.first_name, r.last_name, r.pbx_device, r.sip_uri,
                      r.role_ids, r.desk_ids, r.skill_group_ids, r.tag_ids, hashed.password_hash
                 FROM unnest($4::integer[], $5::text[]) AS hashed (row_number, password_hash)
                 JOIN imports.rows r USING (row_number)
                -- The bounds let the index of import and number find them, instead of all rows of the import.
                WHERE r.import_id = $1 AND r.row_number BETWEEN $11 AND $12 AND r.tenant_id = $2 AND r.outcome = 'pending'
                  AND EXISTS (SELECT FROM imports.imports
                               WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running')
           ), lost AS (
               SELECT ARRAY(SELECT DISTINCT id FROM given, unnest(role_ids) id WHERE NOT EXISTS (
                          SELECT FROM dialer.roles d WHERE d.tenant_id = $2 AND d.role_id = id AND d.active)) AS roles,
                      ARRAY(SELECT DISTINCT id FROM given, unnest(desk_ids) id WHERE NOT EXISTS (
                          SELECT FROM dialer.desks d WHERE d.tenant_id = $2 AND d.desk_id = id)) AS desks,
                      ARRAY(SELECT DISTINCT id FROM given, unnest(skill_group_ids) id WHERE NOT EXISTS (
                          SELECT FROM dialer.skill_groups d WHERE d.tenant_id = $2 AND d.skill_group_id = id)) AS skill_groups,
                      ARRAY(SELECT DISTINCT id FROM given, unnest(tag_ids) id WHERE NOT EXISTS (
                          SELECT FROM dialer.tags d WHERE d.tenant_id = $2 AND d.tag_id = id)) AS tags
           ), new_users AS (
               INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, first_name, last_name,
                                         sip_kind, pbx_domain_id, pbx_device, sip_uri, two_factor, max_session_minutes,
                                         max_concurrent_sessions, password_hash, password_must_change, idempotency_key)
               SELECT $2, username, username_key, email, virtual_extension, first_name, last_name,
                      $6, $7, pbx_device, sip_uri, $8, $9, $10, password_hash, true, idempotency_key
                 FROM given, lost
                WHERE NOT (role_ids && lost.roles OR desk_ids && lost.desks
                           OR skill_group_ids && lost.skill_groups OR tag_ids && lost.tags)
                  AND ($7::bigint IS NULL OR EXISTS (
                          SELECT FROM dialer.pbx_domains d WHERE d.tenant_id = $2 AND d.pbx_domain_id = $7))
                ORDER BY row_number
                   ON CONFLICT DO NOTHING
               RETURNING user_id, idempotency_key
           ), made AS (
               SELECT given.row_number, given.idempotency_key, given.role_ids, given.desk_ids, given.skill_group_ids, given.tag_ids, new_users.user_id
                 FROM given JOIN new_users USING (idempotency_key)
           ), with_roles AS (
               INSERT INTO dialer.user_roles SELECT $2, user_id, unnest(role_ids) FROM made
           ), with_desks AS (
               INSERT INTO dialer.user_desks SELECT $2, user_id, unnest(desk_ids) FROM made
           ), with_skill_groups AS (
               INSERT INTO dialer.user_skill_groups SELECT $2, user_id, unnest(skill_group_ids) FROM made
           ), with_tags AS (
               INSERT INTO dialer.user_tags SELECT $2, user_id, unnest(tag_ids) FROM made
           ), settled AS (
               UPDATE imports.rows r SET outcome = 'created', user_id = made.user_id, attempt = $3
                 FROM made
                -- Not by import and number: an index with two columns leads the planner, who knows little of new rows, to
                -- read all rows of the import for each of the batch.
                WHERE r.idempotency_key = made.idempotency_key
           ), counted AS (
               UPDATE imports.imports i SET pending = i.pending - new.users, created = i.created + new.users
                 FROM (SELECT count(*)::integer AS users FROM made) AS new
                WHERE i.import_id = $1 AND i.tenant_id = $2 AND new.users > 0
               RETURNING i.total, i.pending, i.created, i.duplicates, i.errors, i.cancelled
           )
           SELECT ARRAY(SELECT row_number FROM given EXCEPT SELECT row_number FROM made) AS "open!",
                  (SELECT count(*)::integer FROM made) AS "new!",
                  total AS "total?", pending AS "pending?", created AS "created?", duplicates AS "duplicates?",
                  errors AS "errors?", cancelled AS "cancelled?"
             FROM (VALUES (1)) AS always LEFT JOIN counted ON true"#,
        job.import_id,
        job.tenant_id.get(),
        signed("attempt", import.attempt)?,
        &numbers,
        &hashed.hashes,
        job.sip.kind(),
        job.sip.pbx_domain_id().map(Id::get),
        two_factor,
        job.security.max_session_minutes.map(|minutes| i64::from(minutes.get())),
        job.security.max_concurrent_sessions.map(|sessions| i64::from(sessions.get())),
        numbers.first(),
        numbers.last(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    let counters = match (
        row.total,
        row.created,
        row.duplicates,
        row.errors,
        row.cancelled,
        row.pending,
    ) {
        (Some(total), Some(created), Some(duplicates), Some(errors), Some(cancelled), Some(pending)) => {
            Some(Counters {
                total,
                created,
                duplicates,
                errors,
                cancelled,
                pending,
            })
        }
        _ => None,
    };
    let new = unsigned("users", row.new)?;
    Ok(Created {
        open: row.open,
        committed: counters.map(|counters| counters.committed(new)).transpose()?,
    })
}

async fn count_refused(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    refused: &Counts,
) -> Result<Counters, Error> {
    let counters = sqlx::query_as!(
        Counters,
        "UPDATE imports.imports
            SET pending = pending - ($3::integer + $4::integer), duplicates = duplicates + $3, errors = errors + $4
          WHERE import_id = $1 AND tenant_id = $2
         RETURNING total, created, duplicates, errors, cancelled, pending",
        import.job.import_id,
        import.job.tenant_id.get(),
        signed("duplicates", refused.duplicates)?,
        signed("errors", refused.errors)?,
    );
    Ok(counters.fetch_one(&mut **transaction).await?)
}
