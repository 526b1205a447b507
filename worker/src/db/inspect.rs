//! What operators look at: lists of imports, and the rows of one.

use shared::{contract::Id, outcome::Outcome, problem::Problem};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    convert::unsigned,
    error::Error,
    import::{Import, State, load},
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
    /// At most so many, the newest ones.
    pub limit: u32,
}

/// A row as operators see it.
#[derive(Debug, Clone)]
pub struct RowState {
    /// Its number.
    pub row: u32,
    /// Where it begins in the file.
    pub line: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The attempt in which that happened.
    pub attempt: u32,
    /// The user that it became.
    pub user_id: Option<i64>,
    /// Login name, if the row was valid.
    pub username: Option<String>,
    /// Virtual extension, if the row was valid.
    pub virtual_extension: Option<String>,
    /// All its problems.
    pub problems: Vec<Problem>,
}

impl Db {
    /// The imports that the filter lets through, the newest first.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Import>, Error> {
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
              ORDER BY received_at DESC, import_id
              LIMIT $5",
            filter.tenant_id.map(Id::get),
            &states,
            filter.before,
            filter.since,
            i64::from(filter.limit),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        load(&mut *self.pool.acquire().await?, &import_ids).await
    }

    /// The rows of an import, in order; those with one of the outcomes only, if any is given.
    pub async fn row_states(
        &self,
        import_id: Uuid,
        tenant_id: Id,
        outcomes: &[Outcome],
    ) -> Result<Vec<RowState>, Error> {
        let outcomes: Vec<String> = outcomes
            .iter()
            .map(|outcome| outcome.as_str().to_owned())
            .collect();
        let rows = sqlx::query!(
            r#"SELECT row_number, line, outcome, attempt, user_id, username, virtual_extension,
                      problems AS "problems: Json<Vec<Problem>>"
                 FROM imports.rows
                WHERE import_id = $1 AND tenant_id = $2 AND (cardinality($3::text[]) = 0 OR outcome = ANY($3))
                ORDER BY row_number"#,
            import_id,
            tenant_id.get(),
            &outcomes,
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let rows = rows.into_iter().map(|row| {
            Ok(RowState {
                row: unsigned("row_number", row.row_number)?,
                line: unsigned("line", row.line)?,
                outcome: row
                    .outcome
                    .parse()
                    .map_err(|error| Error::corrupt("outcome", error))?,
                attempt: unsigned("attempt", row.attempt)?,
                user_id: row.user_id,
                username: row.username,
                virtual_extension: row.virtual_extension,
                problems: row.problems.0,
            })
        });
        rows.collect()
    }
}
