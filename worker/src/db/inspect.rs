//! What operators look at: lists of imports.

use shared::contract::Id;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    error::Error,
    import::{Import, State, load},
    page::{Page, Paging},
    pool::Db,
};

/// Which imports are looked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this tenant.
    pub tenant_id: Option<Id>,
    /// In one of these states; in any if empty.
    pub states: Vec<State>,
    /// Received before.
    pub before: Option<OffsetDateTime>,
    /// Received since.
    pub since: Option<OffsetDateTime>,
    /// With this text in its rejection, failure or last error.
    pub error: Option<String>,
}

impl Db {
    /// The imports that the filter lets through, the newest first.
    pub async fn list(
        &self,
        filter: &Filter,
        paging: Paging<OffsetDateTime>,
    ) -> Result<Page<Import, OffsetDateTime>, Error> {
        let states: Vec<String> = filter
            .states
            .iter()
            .map(|state| state.as_str().to_owned())
            .collect();
        let import_ids = sqlx::query_scalar!(
            "SELECT import_id FROM imports.imports
              WHERE ($1::bigint IS NULL OR tenant_id = $1)
                AND (cardinality($2::text[]) = 0 OR state = ANY($2))
                AND ($3::timestamptz IS NULL OR received_at < $3)
                AND ($4::timestamptz IS NULL OR received_at >= $4)
                AND ($6::text IS NULL
                     OR strpos(lower(concat_ws(' ', rejection_code, failure_reason, last_error)), lower($6)) > 0)
              ORDER BY received_at DESC, import_id
              LIMIT $5",
            filter.tenant_id.map(Id::get),
            &states,
            filter.before.into_iter().chain(paging.after).min(),
            filter.since,
            paging.one_more(),
            filter.error,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let imports = load(&mut *self.pool.acquire().await?, &import_ids).await?;
        Ok(paging.page(imports, |import| import.received_at))
    }

    /// The newest imports whose ID is one of these, at most so many.
    pub async fn find_between(&self, first: Uuid, last: Uuid, limit: u32) -> Result<Vec<Import>, Error> {
        let import_ids = sqlx::query_scalar!(
            "SELECT import_id FROM imports.imports WHERE import_id BETWEEN $1 AND $2
              ORDER BY received_at DESC, import_id LIMIT $3",
            first,
            last,
            i64::from(limit),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        load(&mut *self.pool.acquire().await?, &import_ids).await
    }
}
