//! Which of the things that an import names the tenant has, looked up under the tenant's lock.

use std::collections::BTreeSet;

use shared::{
    assess::{ExtensionRange, TenantSnapshot},
    contract::Id,
    row::Lookups,
};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::error::Error;

/// Which of the things that the file and the job name the tenant has.
pub(super) async fn tenant_snapshot(
    transaction: &mut PgTransaction<'static>,
    tenant_id: Id,
    import_id: Uuid,
    lookups: &Lookups,
) -> Result<TenantSnapshot, Error> {
    let mut tenant = TenantSnapshot::default();
    references(transaction, tenant_id, lookups, &mut tenant).await?;
    users(transaction, tenant_id, lookups, &mut tenant).await?;
    if lookups.extension_range {
        (tenant.extension_range, tenant.extensions_in_use) =
            extensions_in_use(transaction, tenant_id, import_id).await?;
    }
    Ok(tenant)
}

async fn references(
    transaction: &mut PgTransaction<'static>,
    tenant_id: Id,
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
        tenant_id.get(),
        &ids(&lookups.roles),
        &ids(&lookups.desks),
        &ids(&lookups.skill_groups),
        &ids(&lookups.tags),
        &ids(&lookups.pbx_domains),
    )
    .fetch_all(&mut **transaction)
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

async fn users(
    transaction: &mut PgTransaction<'static>,
    tenant_id: Id,
    lookups: &Lookups,
    tenant: &mut TenantSnapshot,
) -> Result<(), Error> {
    let texts = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>();
    let found = sqlx::query!(
        // One index lookup for each value. With OR and ANY every user of the tenant is compared with all values.
        r#"SELECT user_id AS "user_id!", username_key AS "username_key!", email_key AS "email_key!",
                  virtual_extension AS "virtual_extension!"
             FROM unnest($2::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND username_key = given
           UNION
           SELECT user_id, username_key, email_key, virtual_extension
             FROM unnest($3::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND email_key = given
           UNION
           SELECT user_id, username_key, email_key, virtual_extension
             FROM unnest($4::text[]) AS given JOIN dialer.users ON tenant_id = $1 AND virtual_extension = given"#,
        tenant_id.get(),
        &texts(&lookups.usernames),
        &texts(&lookups.emails),
        &texts(&lookups.extensions),
    )
    .fetch_all(&mut **transaction)
    .await?;
    for user in found {
        tenant.usernames.insert(user.username_key, user.user_id);
        tenant.emails.insert(user.email_key, user.user_id);
        tenant.extensions.insert(user.virtual_extension, user.user_id);
    }
    Ok(())
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
