//! What a tenant has in the Dialer, as its administrator sees it: names and IDs to choose from, and the users.

use shared::contract::Id;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{error::Error, pool::Db};

/// Something of the tenant's that users are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its ID.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// All that users of a tenant can be given.
#[derive(Debug, Clone, Default)]
pub struct TenantLists {
    /// The tenant's name.
    pub name: String,
    /// Its range of extensions.
    pub extension_range: Option<(String, String)>,
    /// Active roles.
    pub roles: Vec<Named>,
    /// Desks.
    pub desks: Vec<Named>,
    /// Skill groups.
    pub skill_groups: Vec<Named>,
    /// Tags.
    pub tags: Vec<Named>,
    /// Classic PBX domains.
    pub pbx_domains: Vec<Named>,
}

/// A user, without anything secret.
#[derive(Debug, Clone)]
pub struct User {
    /// Their ID.
    pub user_id: i64,
    /// Login name.
    pub username: String,
    /// E-mail address.
    pub email: String,
    /// Virtual extension.
    pub virtual_extension: String,
    /// First and last name, as far as known.
    pub name: String,
    /// Names of their roles.
    pub roles: String,
    /// When they were created.
    pub created_at: OffsetDateTime,
    /// Whether the import that was asked about created them.
    pub is_new: bool,
}

impl Db {
    /// What users of the tenant can be given; `None` if there is no such tenant.
    pub async fn tenant_lists(&self, tenant_id: Id) -> Result<Option<TenantLists>, Error> {
        let mut connection = self.pool.acquire().await?;
        let tenant = sqlx::query!(
            "SELECT name, extension_first, extension_last FROM dialer.tenants WHERE tenant_id = $1",
            tenant_id.get(),
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(tenant) = tenant else { return Ok(None) };
        let found = sqlx::query!(
            r#"SELECT 1 AS "list!", role_id AS "id!", name AS "name!" FROM dialer.roles WHERE tenant_id = $1 AND active
               UNION ALL SELECT 2, desk_id, name FROM dialer.desks WHERE tenant_id = $1
               UNION ALL SELECT 3, skill_group_id, name FROM dialer.skill_groups WHERE tenant_id = $1
               UNION ALL SELECT 4, tag_id, name FROM dialer.tags WHERE tenant_id = $1
               UNION ALL SELECT 5, pbx_domain_id, domain FROM dialer.pbx_domains WHERE tenant_id = $1
               ORDER BY 1, 3, 2"#,
            tenant_id.get(),
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut lists = TenantLists {
            name: tenant.name,
            extension_range: tenant.extension_first.zip(tenant.extension_last),
            ..TenantLists::default()
        };
        for row in found {
            let list = match row.list {
                1 => &mut lists.roles,
                2 => &mut lists.desks,
                3 => &mut lists.skill_groups,
                4 => &mut lists.tags,
                _ => &mut lists.pbx_domains,
            };
            list.push(Named {
                id: row.id,
                name: row.name,
            });
        }
        Ok(Some(lists))
    }

    /// Users of the tenant whose name, address or extension holds the text, the newest first; only those with lower IDs
    /// than `before`, if it is given. Those that the import created are marked.
    pub async fn users(
        &self,
        tenant_id: Id,
        search: &str,
        before: Option<i64>,
        new_from: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<User>, Error> {
        let users = sqlx::query_as!(
            User,
            r#"SELECT u.user_id, u.username, u.email, u.virtual_extension,
                      trim(concat_ws(' ', u.first_name, u.last_name)) AS "name!",
                      coalesce((SELECT string_agg(r.name, ', ' ORDER BY r.name)
                                  FROM dialer.user_roles ur
                                  JOIN dialer.roles r ON r.tenant_id = ur.tenant_id AND r.role_id = ur.role_id
                                 WHERE ur.tenant_id = u.tenant_id AND ur.user_id = u.user_id), '') AS "roles!",
                      u.created_at,
                      ($4::uuid IS NOT NULL AND EXISTS (
                          SELECT FROM imports.rows i
                           WHERE i.idempotency_key = u.idempotency_key AND i.import_id = $4 AND i.tenant_id = $1
                             AND i.user_id = u.user_id)) AS "is_new!"
                 FROM dialer.users u
                WHERE u.tenant_id = $1
                  AND ($3::bigint IS NULL OR u.user_id < $3)
                  AND ($2 = '' OR strpos(lower(concat_ws(' ', u.username, u.email, u.virtual_extension, u.first_name,
                                                         u.last_name)), lower($2)) > 0)
                ORDER BY u.user_id DESC
                LIMIT $5"#,
            tenant_id.get(),
            search,
            before,
            new_from,
            i64::from(limit),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        Ok(users)
    }

    /// How many users the tenant has.
    pub async fn user_count(&self, tenant_id: Id) -> Result<i64, Error> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM dialer.users WHERE tenant_id = $1"#,
            tenant_id.get(),
        )
        .fetch_one(&mut *self.pool.acquire().await?)
        .await?;
        Ok(count)
    }
}
