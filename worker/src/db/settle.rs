//! Rows become users: hashes go in; users, outcomes and counters come out of one short transaction.

use std::collections::BTreeSet;

use shared::{
    contract::{Id, message::RowsDue},
    field::Field,
    outcome::Outcome,
    problem::Problem,
};
use sqlx::{PgTransaction, types::Json};

use super::{Db, Error, Import, lock_tenant, plan::extensions_in_use, signed, unsigned};

/// How often rows are tried again whose conflict was gone when it was looked at. Each time somebody has to delete a user
/// within a millisecond, so that twice is rare and three times is another trouble.
const ROUNDS: usize = 3;

/// The rows of a batch that still wait for their user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Their numbers, in order.
    pub rows: Vec<u32>,
}

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
pub struct Settled {
    /// Rows that got their outcome just now.
    pub rows: u32,
    /// All rows of the import that have theirs, with these; 0 if nothing was done.
    pub of_import: u32,
}

/// A row that was not created because of what the Dialer has by now.
struct Conflict {
    row_number: i32,
    username: String,
    email: String,
    virtual_extension: String,
    extension_generated: bool,
    username_holder: Option<i64>,
    email_holder: Option<i64>,
    extension_holder: Option<i64>,
}

impl Db {
    /// The rows of a batch that are still pending.
    pub async fn pending_batch(&self, due: &RowsDue) -> Result<Batch, Error> {
        let rows = sqlx::query_scalar!(
            "SELECT row_number FROM imports.rows
              WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending' AND row_number BETWEEN $3 AND $4
              ORDER BY row_number",
            due.import_id,
            due.tenant_id.get(),
            signed("first_row", due.first_row)?,
            signed("last_row", due.last_row)?,
        )
        .fetch_all(&self.pool)
        .await?;
        let rows = rows
            .into_iter()
            .map(|number| unsigned("row_number", number))
            .collect::<Result<_, _>>()?;
        Ok(Batch { rows })
    }

    /// Creates the users of the rows that are still pending, gives every row its outcome and moves the counters.
    /// Does nothing to rows that have their outcome, nor to an import that is not running in this attempt any more.
    pub async fn settle(&self, import: &Import, hashed: &Hashed) -> Result<Settled, Error> {
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, import.job.tenant_id).await?;
        let (mut created, mut duplicates, mut errors, mut of_import) = (0, 0, 0, 0);
        if is_running(&mut transaction, import).await? {
            errors += refuse_lost_references(&mut transaction, import, &hashed.rows).await?;
            let mut open = create_users(&mut transaction, import, hashed, &mut created).await?;
            for _ in 0..ROUNDS {
                if open.is_empty() {
                    break;
                }
                let refused = refuse_conflicts(&mut transaction, import, &open).await?;
                duplicates += refused.duplicates;
                errors += refused.errors;
                open = create_users(&mut transaction, import, hashed, &mut created).await?;
            }
            if !open.is_empty() {
                return Err(Error::Unsettled(open));
            }
            of_import = move_counters(&mut transaction, import, created, duplicates, errors).await?;
        }
        transaction.commit().await?;
        Ok(Settled {
            rows: created + duplicates + errors,
            of_import,
        })
    }
}

async fn is_running(transaction: &mut PgTransaction<'static>, import: &Import) -> Result<bool, Error> {
    let running = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM imports.imports
                           WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'running') AS "running!""#,
        import.job.import_id,
        import.job.tenant_id.get(),
        signed("attempt", import.attempt)?,
    );
    Ok(running.fetch_one(&mut **transaction).await?)
}

/// Gives rows an error whose role, desk, skill group or tag was deleted since they were validated.
async fn refuse_lost_references(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    rows: &[u32],
) -> Result<u32, Error> {
    let numbers = rows
        .iter()
        .map(|row| signed("row", *row))
        .collect::<Result<Vec<_>, _>>()?;
    let lost = sqlx::query!(
        r#"SELECT r.row_number, lost.field AS "field!", array_agg(lost.id ORDER BY lost.place) AS "ids!"
             FROM imports.rows r
            CROSS JOIN LATERAL (
                  SELECT 1 AS kind, 'role' AS field, * FROM unnest(r.role_ids) WITH ORDINALITY given (id, place)
                   WHERE NOT EXISTS (
                      SELECT FROM dialer.roles d WHERE d.tenant_id = $2 AND d.role_id = id AND d.active)
                  UNION ALL SELECT 2, 'desks', * FROM unnest(r.desk_ids) WITH ORDINALITY given (id, place)
                   WHERE NOT EXISTS (SELECT FROM dialer.desks d WHERE d.tenant_id = $2 AND d.desk_id = id)
                  UNION ALL SELECT 3, 'skill_groups', * FROM unnest(r.skill_group_ids) WITH ORDINALITY given (id, place)
                   WHERE NOT EXISTS (
                      SELECT FROM dialer.skill_groups d WHERE d.tenant_id = $2 AND d.skill_group_id = id)
                  UNION ALL SELECT 4, 'tags', * FROM unnest(r.tag_ids) WITH ORDINALITY given (id, place)
                   WHERE NOT EXISTS (SELECT FROM dialer.tags d WHERE d.tenant_id = $2 AND d.tag_id = id)
                  ) lost
            WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.outcome = 'pending' AND r.row_number = ANY($3)
            GROUP BY r.row_number, lost.kind, lost.field
            ORDER BY r.row_number, lost.kind"#,
        import.job.import_id,
        import.job.tenant_id.get(),
        &numbers,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut refused = Vec::<Refused>::new();
    for row in lost {
        let field: Field = row
            .field
            .parse()
            .map_err(|error| Error::corrupt("field", error))?;
        let ids: Vec<String> = row.ids.iter().map(ToString::to_string).collect();
        let problem = Problem::unknown_reference(field, &ids);
        match refused.last_mut() {
            Some(last) if last.row_number == row.row_number => last.problems.push(problem),
            _ => refused.push(Refused {
                row_number: row.row_number,
                problems: vec![problem],
            }),
        }
    }
    refuse(transaction, import, refused)
        .await
        .map(|counts| counts.errors)
}

/// Creates what can be created, adds the number of new users to `created`, and returns the rows that are still pending.
async fn create_users(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    hashed: &Hashed,
    created: &mut u32,
) -> Result<Vec<i32>, Error> {
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
    let rows = sqlx::query!(
        r#"WITH due AS (
               SELECT r.*, given.password_hash
                 FROM imports.rows r
                 JOIN unnest($4::integer[], $5::text[]) AS given (row_number, password_hash) USING (row_number)
                WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.outcome = 'pending'
           ), new_users AS (
               INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, first_name, last_name,
                                         sip_kind, pbx_domain_id, pbx_device, sip_uri, two_factor, max_session_minutes,
                                         max_concurrent_sessions, password_hash, password_must_change, idempotency_key)
               SELECT $2, username, username_key, email, virtual_extension, first_name, last_name,
                      $6, $7, pbx_device, sip_uri, $8, $9, $10, password_hash, true, idempotency_key
                 FROM due
                ORDER BY row_number
                   ON CONFLICT DO NOTHING
               RETURNING user_id, idempotency_key
           ), made AS (
               SELECT due.*, new_users.user_id AS new_user_id FROM due JOIN new_users USING (idempotency_key)
           ), with_roles AS (
               INSERT INTO dialer.user_roles SELECT $2, new_user_id, unnest(role_ids) FROM made
           ), with_desks AS (
               INSERT INTO dialer.user_desks SELECT $2, new_user_id, unnest(desk_ids) FROM made
           ), with_skill_groups AS (
               INSERT INTO dialer.user_skill_groups SELECT $2, new_user_id, unnest(skill_group_ids) FROM made
           ), with_tags AS (
               INSERT INTO dialer.user_tags SELECT $2, new_user_id, unnest(tag_ids) FROM made
           ), settled AS (
               UPDATE imports.rows r SET outcome = 'created', user_id = made.new_user_id, attempt = $3
                 FROM made
                WHERE r.import_id = $1 AND r.row_number = made.row_number
           )
           SELECT due.row_number, made.new_user_id IS NOT NULL AS "created!"
             FROM due LEFT JOIN made USING (row_number)
            ORDER BY due.row_number"#,
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
    )
    .fetch_all(&mut **transaction)
    .await?;
    let open: Vec<i32> = rows
        .iter()
        .filter(|row| !row.created)
        .map(|row| row.row_number)
        .collect();
    *created += u32::try_from(rows.len() - open.len()).unwrap_or(u32::MAX);
    Ok(open)
}

/// Gives the rows whose user the Dialer has by now their outcome. A row whose generated number was taken gets another
/// number and stays pending.
async fn refuse_conflicts(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    rows: &[i32],
) -> Result<Counts, Error> {
    let (import_id, tenant_id) = (import.job.import_id, import.job.tenant_id);
    let conflicts = sqlx::query_as!(
        Conflict,
        r#"SELECT r.row_number, r.username AS "username!", r.email AS "email!",
                  r.virtual_extension AS "virtual_extension!", r.extension_generated AS "extension_generated!",
                  by_username.user_id AS "username_holder?", by_email.user_id AS "email_holder?",
                  by_extension.user_id AS "extension_holder?"
             FROM imports.rows r
             LEFT JOIN dialer.users by_username
               ON by_username.tenant_id = $2 AND by_username.username_key = r.username_key
             LEFT JOIN dialer.users by_email ON by_email.tenant_id = $2 AND by_email.email_key = lower(r.email)
             LEFT JOIN dialer.users by_extension
               ON by_extension.tenant_id = $2 AND by_extension.virtual_extension = r.virtual_extension
            WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.row_number = ANY($3)
            ORDER BY r.row_number"#,
        import_id,
        tenant_id.get(),
        rows,
    )
    .fetch_all(&mut **transaction)
    .await?;

    let mut refused = Vec::new();
    let mut without_number = Vec::new();
    for conflict in &conflicts {
        let problems = conflict.problems();
        if !problems.is_empty() {
            refused.push(Refused {
                row_number: conflict.row_number,
                problems,
            });
        } else if conflict.extension_holder.is_some() {
            without_number.push(conflict);
        }
    }
    if !without_number.is_empty() {
        let (range, mut in_use) = extensions_in_use(transaction, tenant_id, import_id).await?;
        in_use.extend(own_pending_extensions(transaction, import).await?);
        for conflict in without_number {
            match range.as_ref().and_then(|range| range.lowest_free(&in_use)) {
                Some(number) => {
                    renumber(transaction, import, conflict.row_number, number.as_str()).await?;
                    in_use.insert(number.as_str().to_owned());
                }
                None => refused.push(Refused {
                    row_number: conflict.row_number,
                    problems: vec![Problem::extension_range_exhausted(range.as_ref())],
                }),
            }
        }
    }
    refuse(transaction, import, refused).await
}

impl Conflict {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.username_holder.is_some() {
            problems.push(Problem::already_exists(Field::Username, &self.username));
        }
        if self.email_holder.is_some() {
            problems.push(Problem::already_exists(Field::Email, &self.email));
        }
        // Not reported where the holder is the very user that the row duplicates.
        let taken = self.extension_holder.is_some()
            && self.extension_holder != self.username_holder
            && self.extension_holder != self.email_holder;
        if taken && !self.extension_generated {
            problems.push(Problem::extension_taken(&self.virtual_extension));
        }
        problems
    }
}

async fn own_pending_extensions(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
) -> Result<BTreeSet<String>, Error> {
    let numbers = sqlx::query_scalar!(
        r#"SELECT virtual_extension AS "virtual_extension!" FROM imports.rows
            WHERE import_id = $1 AND tenant_id = $2 AND outcome = 'pending'"#,
        import.job.import_id,
        import.job.tenant_id.get(),
    );
    Ok(numbers.fetch_all(&mut **transaction).await?.into_iter().collect())
}

async fn renumber(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    row_number: i32,
    virtual_extension: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE imports.rows SET virtual_extension = $4 WHERE import_id = $1 AND tenant_id = $2 AND row_number = $3",
        import.job.import_id,
        import.job.tenant_id.get(),
        row_number,
        virtual_extension,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

struct Refused {
    row_number: i32,
    problems: Vec<Problem>,
}

#[derive(Default)]
struct Counts {
    duplicates: u32,
    errors: u32,
}

async fn refuse(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    refused: Vec<Refused>,
) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    // Rarely more than a handful: whoever was known to the plan never came so far.
    for row in refused {
        let outcome = Outcome::of(&row.problems);
        sqlx::query!(
            "UPDATE imports.rows SET outcome = $4, problems = $5, attempt = $6
              WHERE import_id = $1 AND tenant_id = $2 AND row_number = $3 AND outcome = 'pending'",
            import.job.import_id,
            import.job.tenant_id.get(),
            row.row_number,
            outcome.as_str(),
            Json(row.problems) as _,
            signed("attempt", import.attempt)?,
        )
        .execute(&mut **transaction)
        .await?;
        match outcome {
            Outcome::Duplicate => counts.duplicates += 1,
            _ => counts.errors += 1,
        }
    }
    Ok(counts)
}

/// Moves the counters and returns how many rows have their outcome now.
async fn move_counters(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    created: u32,
    duplicates: u32,
    errors: u32,
) -> Result<u32, Error> {
    let settled = sqlx::query_scalar!(
        r#"UPDATE imports.imports
            SET pending = pending - ($3::integer + $4::integer + $5::integer),
                created = created + $3, duplicates = duplicates + $4, errors = errors + $5
          WHERE import_id = $1 AND tenant_id = $2
      RETURNING total - pending AS "settled!""#,
        import.job.import_id,
        import.job.tenant_id.get(),
        signed("created", created)?,
        signed("duplicates", duplicates)?,
        signed("errors", errors)?,
    )
    .fetch_one(&mut **transaction)
    .await?;
    unsigned("settled", settled)
}
