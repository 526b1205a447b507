//! A sample file.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};
use shared::report::table_csv;

use crate::{
    console::{access::Administrator, error::Error, state::Console},
    db::{Named, TenantLists},
};

/// A file that could be imported as it is, made of what the tenant has.
pub(super) async fn sample(
    administrator: Administrator,
    State(console): State<Arc<Console>>,
) -> Result<impl IntoResponse, Error> {
    let lists = console.db.tenant_lists(administrator.tenant_id).await?;
    let content = sample_csv(&lists.ok_or(Error::NotFound("tenant"))?);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sample.csv\""),
    ];
    Ok((headers, content))
}

fn sample_csv(lists: &TenantLists) -> Vec<u8> {
    const PEOPLE: [(&str, &str); 3] = [("Ada", "Lovelace"), ("Alan", "Turing"), ("Grace", "Hopper")];
    let names = [
        "Username",
        "Email",
        "Virtual Extension",
        "Role",
        "Desks",
        "Skill Groups",
        "Tags",
        "First Name",
        "Last Name",
    ]
    .map(str::to_owned);
    let first: u64 = lists
        .extension_range
        .as_ref()
        .and_then(|(first, _)| first.parse().ok())
        .unwrap_or(1001);
    let width = lists.extension_range.as_ref().map_or(4, |(first, _)| first.len());
    let pick = |list: &[Named], index: usize| {
        let index = index.checked_rem(list.len()).unwrap_or(0);
        list.get(index)
            .map(|named| named.id.to_string())
            .unwrap_or_default()
    };
    let rows = PEOPLE.iter().enumerate().map(|(index, (given, family))| {
        let username = format!("{}.{}", given.to_lowercase(), family.to_lowercase());
        let extension = first.saturating_add(index as u64);
        vec![
            username.clone(),
            format!("{username}@example.com"),
            format!("{extension:0width$}"),
            pick(&lists.roles, index),
            pick(&lists.desks, index),
            pick(&lists.skill_groups, index),
            pick(&lists.tags, index),
            (*given).to_owned(),
            (*family).to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table_csv(&names, rows.iter().map(Vec::as_slice))
}
