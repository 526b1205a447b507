//! Rows of a batch that could not become users: why, and which outcome they get. They are rare, because the plan has
//! checked them before, so each is handled by itself.

use std::collections::BTreeSet;

use shared::{contract::Id, field::Field, outcome::Outcome, problem::Problem};
use sqlx::{PgTransaction, types::Json};

use super::{convert::signed, error::Error, import::Import, lookup::extensions_in_use};

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

/// Gives an error to rows whose role, desk, skill group, tag or PBX domain was deleted since they were validated.
pub(super) async fn refuse_lost_references(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    rows: &[i32],
) -> Result<Counts, Error> {
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
                  UNION ALL SELECT 5, 'pbx_domain', given.id, 1 FROM (VALUES ($4::bigint)) AS given (id)
                   WHERE given.id IS NOT NULL AND NOT EXISTS (
                      SELECT FROM dialer.pbx_domains d WHERE d.tenant_id = $2 AND d.pbx_domain_id = given.id)
                  ) lost
            WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.outcome = 'pending' AND r.row_number = ANY($3)
            GROUP BY r.row_number, lost.kind, lost.field
            ORDER BY r.row_number, lost.kind"#,
        import.job.import_id,
        import.job.tenant_id.get(),
        rows,
        import.job.sip.pbx_domain_id().map(Id::get),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut refused = Vec::<Refused>::new();
    for row in lost {
        let ids: Vec<String> = row.ids.iter().map(ToString::to_string).collect();
        let problem = match row.field.as_str() {
            "pbx_domain" => Problem::unknown_pbx_domain(&ids.concat()),
            field => {
                let field: Field = field.parse().map_err(|error| Error::corrupt("field", error))?;
                Problem::unknown_reference(field, &ids)
            }
        };
        match refused.last_mut() {
            Some(last) if last.row_number == row.row_number => last.problems.push(problem),
            _ => refused.push(Refused {
                row_number: row.row_number,
                problems: vec![problem],
            }),
        }
    }
    refuse(transaction, import, refused).await
}

/// Gives an outcome to the rows whose user the Dialer has by now. A row whose generated number was taken gets another
/// number and stays pending.
pub(super) async fn refuse_conflicts(
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
             LEFT JOIN dialer.users by_email ON by_email.tenant_id = $2 AND by_email.email_key = lower(r.email COLLATE "C") COLLATE "default"
             LEFT JOIN dialer.users by_extension
               ON by_extension.tenant_id = $2 AND by_extension.virtual_extension = r.virtual_extension
            WHERE r.import_id = $1 AND r.tenant_id = $2 AND r.outcome = 'pending' AND r.row_number = ANY($3)
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
                    problems: vec![Problem::extension_range_exhausted(
                        range.as_ref().map(|range| (range.first(), range.last())),
                    )],
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

/// How many rows got which outcome.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) duplicates: u32,
    pub(super) errors: u32,
}

impl Counts {
    pub(super) const fn add(&mut self, more: Self) {
        self.duplicates += more.duplicates;
        self.errors += more.errors;
    }
}

async fn refuse(
    transaction: &mut PgTransaction<'static>,
    import: &Import,
    refused: Vec<Refused>,
) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    // Rarely more than a handful: what the plan knew of never comes this far.
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
