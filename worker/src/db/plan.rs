//! Planning: what the tenant has, looked up under the tenant's lock, and all rows of an import, written at once.

use std::collections::BTreeSet;

use serde::Serialize;
use shared::{
    assess::{AssessedRow, Assessment, ExtensionRange, TenantSnapshot},
    contract::{Id, job::Mode},
    file::SourceFile,
    problem::Problem,
    row::Lookups,
};
use sqlx::{PgTransaction, types::Json};
use uuid::Uuid;

use super::{Db, Error, Import, lock_tenant, signed};
use crate::crypto::seal::SealedSeed;

/// A transaction that holds the tenant's lock while an import is planned.
#[derive(Debug)]
pub struct PlanningTransaction {
    pub(super) transaction: PgTransaction<'static>,
    pub(super) tenant_id: Id,
    pub(super) import_id: Uuid,
    pub(super) attempt: u32,
}

/// What planning leaves behind.
#[derive(Debug)]
pub struct Planned<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// The assessment of each of its rows.
    pub rows: &'a [AssessedRow],
    /// The sealed seed of the passwords, if there will be any.
    pub sealed_seed: Option<SealedSeed>,
}

impl Db {
    /// Begins to plan an import. `None` if it is not waiting to be planned any more: somebody else was quicker.
    pub async fn begin_planning(&self, import: &Import) -> Result<Option<PlanningTransaction>, Error> {
        let job = &import.job;
        let mut transaction = self.pool.begin().await?;
        lock_tenant(&mut transaction, job.tenant_id).await?;
        let waiting = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM imports.imports
                               WHERE import_id = $1 AND tenant_id = $2 AND attempt = $3 AND state = 'received')
                      AS "waiting!""#,
            job.import_id,
            job.tenant_id.get(),
            signed("attempt", import.attempt)?,
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(waiting.then_some(PlanningTransaction {
            transaction,
            tenant_id: job.tenant_id,
            import_id: job.import_id,
            attempt: import.attempt,
        }))
    }
}

impl PlanningTransaction {
    /// What the tenant has of all that the file and the job name.
    pub async fn look_up(&mut self, lookups: &Lookups) -> Result<TenantSnapshot, Error> {
        let mut tenant = TenantSnapshot::default();
        self.look_up_references(lookups, &mut tenant).await?;
        self.look_up_users(lookups, &mut tenant).await?;
        if lookups.extension_range {
            self.look_up_range(&mut tenant).await?;
        }
        Ok(tenant)
    }

    async fn look_up_references(
        &mut self,
        lookups: &Lookups,
        tenant: &mut TenantSnapshot,
    ) -> Result<(), Error> {
        let ids = |ids: &BTreeSet<i64>| ids.iter().copied().collect::<Vec<_>>();
        let found = sqlx::query!(
            r#"SELECT 'role' AS "kind!", role_id AS "id!" FROM dialer.roles
                WHERE tenant_id = $1 AND role_id = ANY($2) AND active
               UNION ALL SELECT 'desk', desk_id FROM dialer.desks WHERE tenant_id = $1 AND desk_id = ANY($3)
               UNION ALL SELECT 'skill group', skill_group_id FROM dialer.skill_groups
                WHERE tenant_id = $1 AND skill_group_id = ANY($4)
               UNION ALL SELECT 'tag', tag_id FROM dialer.tags WHERE tenant_id = $1 AND tag_id = ANY($5)
               UNION ALL SELECT 'PBX domain', pbx_domain_id FROM dialer.pbx_domains
                WHERE tenant_id = $1 AND pbx_domain_id = ANY($6)"#,
            self.tenant_id.get(),
            &ids(&lookups.roles),
            &ids(&lookups.desks),
            &ids(&lookups.skill_groups),
            &ids(&lookups.tags),
            &ids(&lookups.pbx_domains),
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        for row in found {
            let known = match row.kind.as_str() {
                "role" => &mut tenant.roles,
                "desk" => &mut tenant.desks,
                "skill group" => &mut tenant.skill_groups,
                "tag" => &mut tenant.tags,
                _ => &mut tenant.pbx_domains,
            };
            known.insert(row.id);
        }
        Ok(())
    }

    async fn look_up_users(&mut self, lookups: &Lookups, tenant: &mut TenantSnapshot) -> Result<(), Error> {
        let texts = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>();
        let found = sqlx::query!(
            // One look into an index for each value. With OR and ANY every user of the tenant is compared with all values.
            r#"SELECT user_id AS "user_id!", username_key AS "username_key!", email_key AS "email_key!",
                      virtual_extension AS "virtual_extension!"
                 FROM unnest($2::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND username_key = given
               UNION
               SELECT user_id, username_key, email_key, virtual_extension
                 FROM unnest($3::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND email_key = given
               UNION
               SELECT user_id, username_key, email_key, virtual_extension
                 FROM unnest($4::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND virtual_extension = given"#,
            self.tenant_id.get(),
            &texts(&lookups.usernames),
            &texts(&lookups.emails),
            &texts(&lookups.extensions),
        )
        .fetch_all(&mut *self.transaction)
        .await?;
        for user in found {
            tenant.usernames.insert(user.username_key, user.user_id);
            tenant.emails.insert(user.email_key, user.user_id);
            tenant.extensions.insert(user.virtual_extension, user.user_id);
        }
        Ok(())
    }

    async fn look_up_range(&mut self, tenant: &mut TenantSnapshot) -> Result<(), Error> {
        let (range, in_use) =
            extensions_in_use(&mut self.transaction, self.tenant_id, self.import_id).await?;
        tenant.extension_range = range;
        tenant.extensions_in_use = in_use;
        Ok(())
    }

    /// Refuses the import and ends the transaction.
    pub async fn abandon(self) -> Result<(), Error> {
        Ok(self.transaction.rollback().await?)
    }

    /// Writes all rows with their outcomes, and the counters, and commits.
    pub async fn commit(mut self, planned: Planned<'_>, mode: Mode) -> Result<(), Error> {
        let rows = planned
            .rows
            .iter()
            .map(|row| RowRecord::of(row, mode))
            .collect::<Vec<_>>();
        let keys: Vec<Uuid> = planned
            .rows
            .iter()
            .map(|row| idempotency_key(self.import_id, row.row))
            .collect();
        let cells = planned
            .file
            .records
            .iter()
            .map(|record| as_json("source_cells", &record.cells));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        if cells.len() != rows.len() {
            // UNNEST would fill the shorter array up with NULL.
            return Err(Error::corrupt(
                "the plan",
                format!("{} rows of {} records", rows.len(), cells.len()),
            ));
        }
        let count = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
        let [total, pending, created, duplicates, errors] = [
            rows.len(),
            count("pending"),
            count("created"),
            count("duplicate"),
            count("error"),
        ]
        .map(|count| u32::try_from(count).unwrap_or(u32::MAX));

        sqlx::query!(
            "INSERT INTO imports.rows (import_id, tenant_id, attempt, idempotency_key, source_cells,
                                       row_number, line, outcome, problems, username, username_key, email,
                                       virtual_extension, extension_generated, first_name, last_name, pbx_device, sip_uri,
                                       role_ids, desk_ids, skill_group_ids, tag_ids)
             SELECT $1, $2, $6, given.idempotency_key, given.source_cells, planned.*
               FROM jsonb_to_recordset($3) AS planned (
                        row_number integer, line integer, outcome text, problems jsonb, username text, username_key text,
                        email text, virtual_extension text, extension_generated boolean, first_name text, last_name text,
                        pbx_device text, sip_uri text, role_ids bigint[], desk_ids bigint[], skill_group_ids bigint[],
                        tag_ids bigint[])
               JOIN unnest($4::uuid[], $5::bytea[]) WITH ORDINALITY AS given (idempotency_key, source_cells, row_number)
                 ON given.row_number = planned.row_number",
            self.import_id,
            self.tenant_id.get(),
            Json(rows) as _,
            &keys,
            &cells,
            signed("attempt", self.attempt)?,
        )
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query!(
            "UPDATE imports.imports
                SET state = 'running', shard = NULL, planned_at = now(), encoding = $2, delimiter = $3, source_header = $4,
                    total = $5, pending = $6, created = $7, duplicates = $8, errors = $9,
                    sealed_seed = $10, seal_key_id = $11, seed_attempt = $12
              WHERE import_id = $1",
            self.import_id,
            planned.file.encoding.as_str(),
            planned.file.delimiter.as_str(),
            as_json("source_header", &planned.file.header)?,
            signed("total", total)?,
            signed("pending", pending)?,
            signed("created", created)?,
            signed("duplicates", duplicates)?,
            signed("errors", errors)?,
            planned.sealed_seed.as_ref().map(|sealed| sealed.bytes.as_slice()),
            planned.sealed_seed.as_ref().map(|sealed| sealed.key_id.as_str()),
            planned
                .sealed_seed
                .as_ref()
                .map(|_| signed("attempt", self.attempt))
                .transpose()?,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(self.transaction.commit().await?)
    }
}

/// The tenant's range of numbers, and those of it that are in use or reserved by other running imports.
pub(super) async fn extensions_in_use(
    transaction: &mut PgTransaction<'static>,
    tenant_id: Id,
    import_id: Uuid,
) -> Result<(Option<ExtensionRange>, BTreeSet<String>), Error> {
    let tenant = sqlx::query!(
        "SELECT extension_first, extension_last FROM dialer.tenants WHERE tenant_id = $1",
        tenant_id.get(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    let Some((first, last)) = tenant.extension_first.zip(tenant.extension_last) else {
        return Ok((None, BTreeSet::new()));
    };
    let in_use = sqlx::query_scalar!(
        r#"SELECT virtual_extension AS "virtual_extension!" FROM dialer.users
            WHERE tenant_id = $1 AND length(virtual_extension) = length($2)
              AND virtual_extension COLLATE "C" BETWEEN $2 AND $3
           UNION ALL
           SELECT r.virtual_extension FROM imports.imports i JOIN imports.rows r USING (import_id)
            WHERE i.tenant_id = $1 AND i.state = 'running' AND i.import_id <> $4 AND r.outcome = 'pending'"#,
        tenant_id.get(),
        first,
        last,
        import_id,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let range =
        ExtensionRange::new(&first, &last).map_err(|error| Error::corrupt("the extension range", error))?;
    Ok((Some(range), in_use.into_iter().collect()))
}

/// The key that makes a row one user, however often it is handled.
fn idempotency_key(import_id: Uuid, row: u32) -> Uuid {
    Uuid::new_v5(&import_id, row.to_string().as_bytes())
}

fn as_json(what: &'static str, cells: &[String]) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(cells).map_err(|error| Error::corrupt(what, error))
}

/// A row as the database takes it.
#[derive(Debug, Serialize)]
pub(super) struct RowRecord<'a> {
    row_number: u32,
    line: u32,
    outcome: &'static str,
    problems: &'a [Problem],
    #[serde(flatten)]
    user: Option<UserRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct UserRecord<'a> {
    username: &'a str,
    username_key: &'a str,
    email: &'a str,
    virtual_extension: &'a str,
    extension_generated: bool,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    pbx_device: Option<&'a str>,
    sip_uri: Option<&'a str>,
    role_ids: &'a [Id],
    desk_ids: &'a [Id],
    skill_group_ids: &'a [Id],
    tag_ids: &'a [Id],
}

impl<'a> RowRecord<'a> {
    pub(super) fn of(row: &'a AssessedRow, mode: Mode) -> Self {
        let (outcome, problems, user) = match &row.assessment {
            Assessment::Refused { outcome, problems } => (outcome.as_str(), problems.as_slice(), None),
            Assessment::Valid(user) => {
                let outcome = match mode {
                    Mode::Import => "pending",
                    // Nothing will be created, so nothing is left to do for the row.
                    Mode::Validate => "created",
                };
                let user = UserRecord {
                    username: user.username.as_str(),
                    username_key: user.username.key(),
                    email: user.email.as_str(),
                    virtual_extension: user.virtual_extension.as_str(),
                    extension_generated: user.extension_generated,
                    first_name: user.first_name.as_ref().map(|name| name.as_str()),
                    last_name: user.last_name.as_ref().map(|name| name.as_str()),
                    pbx_device: user.pbx_device.as_ref().map(|device| device.as_str()),
                    sip_uri: user.sip_uri.as_ref().map(|uri| uri.as_str()),
                    role_ids: &user.roles,
                    desk_ids: &user.desks,
                    skill_group_ids: &user.skill_groups,
                    tag_ids: &user.tags,
                };
                (outcome, [].as_slice(), Some(user))
            }
        };
        Self {
            row_number: row.row,
            line: row.line,
            outcome,
            problems,
            user,
        }
    }
}
