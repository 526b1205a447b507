//! The rows of an import as they were read, and their outcomes.

use serde::Serialize;
use shared::{
    contract::Id,
    outcome::Outcome,
    problem::{Code, Problem},
};
use sqlx::{PgExecutor, types::Json};
use uuid::Uuid;

use super::{
    convert::{from_json, unsigned},
    error::Error,
    pool::Db,
};

/// A row as it was read, and its outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its number.
    pub row: u32,
    /// Where it begins in the file.
    pub line: u32,
    /// Its outcome.
    pub outcome: Outcome,
    /// The attempt in which it got that.
    pub attempt: u32,
    /// The user that it became.
    pub user_id: Option<i64>,
    /// Login name, if the row was valid.
    pub username: Option<String>,
    /// E-mail address, if the row was valid.
    #[serde(skip)]
    pub email: Option<String>,
    /// Virtual extension, if the row was valid.
    pub virtual_extension: Option<String>,
    /// All its problems.
    pub problems: Vec<Problem>,
    /// Its cells as they were; not for operators' eyes.
    #[serde(skip)]
    pub cells: Vec<String>,
}

impl Row {
    /// Whether the row has more cells than the header. The surplus is not stored.
    pub fn has_surplus(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.code == Code::WrongColumnCount)
    }

    /// Whether the row was refused for its quotes.
    pub fn was_malformed(&self) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.code == Code::MalformedQuotes)
    }
}

impl Db {
    /// The rows of an import, in order; those with one of the outcomes only, if any is given.
    pub async fn rows(
        &self,
        tenant_id: Id,
        import_id: Uuid,
        outcomes: &[Outcome],
    ) -> Result<Vec<Row>, Error> {
        load_rows(&mut *self.pool.acquire().await?, tenant_id, import_id, outcomes).await
    }
}

pub(super) async fn load_rows(
    executor: impl PgExecutor<'_>,
    tenant_id: Id,
    import_id: Uuid,
    outcomes: &[Outcome],
) -> Result<Vec<Row>, Error> {
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|outcome| outcome.as_str().to_owned())
        .collect();
    let rows = sqlx::query!(
        r#"SELECT row_number, line, outcome, attempt, user_id, username, email, virtual_extension, source_cells,
                  problems AS "problems: Json<Vec<Problem>>"
             FROM imports.rows
            WHERE import_id = $1 AND tenant_id = $2 AND (cardinality($3::text[]) = 0 OR outcome = ANY($3))
            ORDER BY row_number"#,
        import_id,
        tenant_id.get(),
        &outcomes,
    )
    .fetch_all(executor)
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(Row {
            row: unsigned("row_number", row.row_number)?,
            line: unsigned("line", row.line)?,
            outcome: row
                .outcome
                .parse()
                .map_err(|error| Error::corrupt("outcome", error))?,
            attempt: unsigned("attempt", row.attempt)?,
            user_id: row.user_id,
            username: row.username,
            email: row.email,
            virtual_extension: row.virtual_extension,
            problems: row.problems.0,
            cells: from_json("source_cells", &row.source_cells)?,
        })
    });
    rows.collect()
}
