//! What the tenant has: lists to choose from, and users.

use std::sync::Arc;

use aide::transform::TransformOperation;
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::json::QueryParams;
use crate::{
    console::{access::Administrator, error::Error, state::Console},
    db,
    steps::event::rfc3339,
};

/// Users on a page.
pub(in crate::console) const PAGE_USERS: u32 = 50;

/// Something of the tenant's that users can be given.
#[derive(Debug, Serialize, JsonSchema)]
struct Named {
    /// Its ID, as a job or a file names it.
    id: i64,
    /// Its name.
    name: String,
}

/// What users of the tenant can be given.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Lists {
    /// The tenant's name.
    name: String,
    /// First and last number of the range that virtual extensions are generated from; absent if none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    extension_range: Option<(String, String)>,
    /// Active roles.
    roles: Vec<Named>,
    /// Desks.
    desks: Vec<Named>,
    /// Skill groups.
    skill_groups: Vec<Named>,
    /// Tags.
    tags: Vec<Named>,
    /// Classic PBX domains.
    pbx_domains: Vec<Named>,
}

/// Says what users of the tenant can be given.
pub(super) async fn lists(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
) -> Result<Json<Lists>, Error> {
    let found = console.db.tenant_lists(administrator.tenant_id).await?;
    let found = found.ok_or(Error::NotFound("tenant"))?;
    let named = |list: Vec<db::Named>| {
        list.into_iter()
            .map(|db::Named { id, name }| Named { id, name })
            .collect()
    };
    Ok(Json(Lists {
        name: found.name,
        extension_range: found.extension_range,
        roles: named(found.roles),
        desks: named(found.desks),
        skill_groups: named(found.skill_groups),
        tags: named(found.tags),
        pbx_domains: named(found.pbx_domains),
    }))
}

pub(super) fn describe_lists(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("showTenant")
        .tag("administrators")
        .summary("List what users can be given: roles, desks, skill groups, tags, PBX domains")
}

/// Which users to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct UserQuery {
    /// Text in username, e-mail address, extension or name.
    #[serde(default)]
    search: String,
    /// Only users with lower IDs: the last one of the previous page.
    before: Option<i64>,
    /// Marks the users that this import created.
    import_id: Option<Uuid>,
}

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
struct User {
    user_id: i64,
    username: String,
    email: String,
    virtual_extension: String,
    name: String,
    /// Names of the roles.
    roles: String,
    created_at: String,
    /// Whether the import that was asked about created the user.
    is_new: bool,
}

/// A page of users.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Users {
    /// The newest first.
    users: Vec<User>,
}

/// Lists users.
pub(super) async fn users(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
    QueryParams(query): QueryParams<UserQuery>,
) -> Result<Json<Users>, Error> {
    let found = console
        .db
        .users(
            administrator.tenant_id,
            query.search.trim(),
            query.before,
            query.import_id,
            PAGE_USERS,
        )
        .await?;
    let users = found.into_iter().map(|user| {
        Ok(User {
            user_id: user.user_id,
            username: user.username,
            email: user.email,
            virtual_extension: user.virtual_extension,
            name: user.name,
            roles: user.roles,
            created_at: rfc3339(user.created_at)?,
            is_new: user.is_new,
        })
    });
    Ok(Json(Users {
        users: users.collect::<Result<_, Error>>()?,
    }))
}

pub(super) fn describe_users(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listUsers")
        .tag("administrators")
        .summary("List the tenant's users, the newest first, in pages of 50")
}
