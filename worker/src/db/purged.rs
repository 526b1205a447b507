//! Imports that were purged as a whole: their IDs stay known, and never name another import.

use shared::contract::Id;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{convert::unsigned, error::Error, import::State, pool::Db};

/// The constraint that the database names when an import with the ID of a purged one is inserted.
const CONSTRAINT: &str = "imports_purged";

/// An import that was purged as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgedImport {
    /// The import.
    pub import_id: Uuid,
    /// Its tenant.
    pub tenant_id: Id,
    /// Its last attempt.
    pub attempt: u32,
    /// The state that it ended in; `None` if it was purged by an earlier release.
    pub state: Option<State>,
    /// When that was.
    pub finished_at: Option<OffsetDateTime>,
    /// When it was purged.
    pub purged_at: OffsetDateTime,
}

impl Db {
    /// The import with this ID, if it was purged.
    pub async fn find_purged(&self, import_id: Uuid) -> Result<Option<PurgedImport>, Error> {
        let found = sqlx::query!(
            "SELECT tenant_id, attempt, state, finished_at, purged_at FROM imports.purged_imports WHERE import_id = $1",
            import_id,
        )
        .fetch_optional(&mut *self.pool.acquire().await?)
        .await?;
        let purged = found.map(|row| {
            let state = row.state.map(|state| state.parse());
            Ok(PurgedImport {
                import_id,
                tenant_id: Id::try_from(row.tenant_id).map_err(|error| Error::corrupt("tenant_id", error))?,
                attempt: unsigned("attempt", row.attempt)?,
                state: state
                    .transpose()
                    .map_err(|error| Error::corrupt("state", error))?,
                finished_at: row.finished_at,
                purged_at: row.purged_at,
            })
        });
        purged.transpose()
    }
}

/// Whether an insertion was refused because the import's ID is that of a purged one.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.constraint() == Some(CONSTRAINT))
}
