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

/// How often rows are tried again whose conflict had gone when it was looked at. Each time somebody has to delete a
/// user within a millisecond, so that twice is rare and three times has another cause.
const ROUNDS: usize = 3;

/// Password hashes of rows.
#[derive(Debug, Clone)]
pub struct Hashed {
    /// Numbers of the rows.
    pub rows: Vec<u32>,
    /// Their hashes as PHC strings, in the same order.
    pub hashes: Vec<String>,
    /// For how many days the passwords are valid.
    pub password_days: u16,
}

/// How the import stands after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// Of the rows that got their outcome just now.
    pub outcomes: Summary,
    /// Of all rows of the import.
    pub summary: Summary,
    /// Rows without an outcome.
    pub pending: u32,
}

/// The outcome of an attempt to create users.
struct Created {
    /// Rows that are still pending.
    open: Vec<i32>,
    /// How the import stands, if a user was created.
    committed: Option<Committed>,
}

impl Committed {
    /// From the import's counters, as the statements that update them return them.
    fn of(outcomes: Summary, counters: &[i32]) -> Result<Self, Error> {
        let &[total, pending, created, duplicates, errors, cancelled] = counters else {
            return Err(Error::corrupt("counters", counters.len()));
        };
        Ok(Self {
            outcomes,
            summary: Summary {
                total: unsigned("total", total)?,
                created: unsigned("created", created)?,
                duplicates: unsigned("duplicates", duplicates)?,
                errors: unsigned("errors", errors)?,
                cancelled: unsigned("cancelled", cancelled)?,
            },
            pending: unsigned("pending", pending)?,
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

    /// Creates the users of the rows that are still pending, gives every row its outcome and updates the counters. Does
    /// nothing to rows that have their outcome, nor to an import that is not running in this attempt any more: then it
    /// returns `None`, otherwise how the import stands now.
    pub async fn commit_batch(&self, import: &Import, hashed: &Hashed) -> Result<Option<Committed>, Error> {
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, import.job.tenant_id).await?;
        let Created {
            mut open,
            mut committed,
        } = create_users(&mut transaction, import, hashed).await?;
        if !open.is_empty() {
            let mut created = committed.map_or(0, |committed| committed.outcomes.created);
            let mut counts = refuse_lost_references(&mut transaction, import, &open).await?;
            for _ in 0..ROUNDS {
                counts.add(refuse_conflicts(&mut transaction, import, &open).await?);
                let again = create_users(&mut transaction, import, hashed).await?;
                created += again.committed.map_or(0, |committed| committed.outcomes.created);
                open = again.open;
                if open.is_empty() {
                    break;
                }
            }
            if !open.is_empty() {
                return Err(Error::Uncommitted(open));
            }
            let counters = count_refused(&mut transaction, import, &counts).await?;
            let outcomes = Summary {
                total: created + counts.duplicates + counts.errors,
                created,
                duplicates: counts.duplicates,
                errors: counts.errors,
                ..Summary::default()
            };
            committed = Some(Committed::of(outcomes, &counters)?);
        }
        transaction.commit().await?;
        Ok(committed)
    }
}

/// Creates what can be created and counts it. Rows whose references are lost, or whose user already exists, are left to
/// the functions that can say why.
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
        // UNNEST would pad the shorter array with NULL.
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
    let row = sqlx::query_file!(
        "src/db/create_users.sql",
        job.import_id,
        job.tenant_id.get(),
        signed("attempt", import.attempt)?,
        &numbers,
        &hashed.hashes,
        job.sip.kind(),
        job.sip.pbx_domain_id().map(Id::get),
        two_factor,
        job.security
            .max_session_minutes
            .map(|minutes| i64::from(minutes.get())),
        job.security
            .max_concurrent_sessions
            .map(|sessions| i64::from(sessions.get())),
        numbers.first(),
        numbers.last(),
        i32::from(hashed.password_days),
    )
    .fetch_one(&mut **transaction)
    .await?;
    let new = unsigned("users", row.new)?;
    let outcomes = Summary {
        total: new,
        created: new,
        ..Summary::default()
    };
    Ok(Created {
        open: row.open,
        committed: row
            .counters
            .map(|counters| Committed::of(outcomes, &counters))
            .transpose()?,
    })
}

async fn count_refused(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    refused: &Counts,
) -> Result<Vec<i32>, Error> {
    let counters = sqlx::query_scalar!(
        r#"UPDATE imports.imports
            SET pending = pending - ($3::integer + $4::integer), duplicates = duplicates + $3, errors = errors + $4
          WHERE import_id = $1 AND tenant_id = $2
         RETURNING ARRAY[total, pending, created, duplicates, errors, cancelled] AS "counters!""#,
        import.job.import_id,
        import.job.tenant_id.get(),
        signed("duplicates", refused.duplicates)?,
        signed("errors", refused.errors)?,
    );
    Ok(counters.fetch_one(&mut **transaction).await?)
}
