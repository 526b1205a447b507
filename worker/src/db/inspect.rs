//! What operators look at: lists of imports.

use std::{fmt, str::FromStr};

use shared::contract::{Id, job::Mode};
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
    /// In this mode.
    pub mode: Option<Mode>,
    /// In one of these states; in any if empty.
    pub states: Vec<State>,
    /// Received before.
    pub before: Option<OffsetDateTime>,
    /// Received since.
    pub since: Option<OffsetDateTime>,
    /// With this text in its rejection, failure or last error.
    pub error: Option<String>,
}

/// A place in the list of imports, just after one of them. As text: when it was received, in microseconds since 1970,
/// and its ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    received_at: OffsetDateTime,
    import_id: Uuid,
}

/// In a microsecond, which is the precision of PostgreSQL's times.
const NANOSECONDS: i128 = 1000;

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received_at = self.received_at.unix_timestamp_nanos() / NANOSECONDS;
        write!(f, "{received_at}_{}", self.import_id)
    }
}

impl FromStr for Behind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (received_at, import_id) = text.split_once('_')?;
            let nanoseconds = i128::from(received_at.parse::<i64>().ok()?) * NANOSECONDS;
            Some(Self {
                received_at: OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok()?,
                import_id: import_id.parse().ok()?,
            })
        };
        read().ok_or_else(|| {
            format!("{text:?} is not a place in a list of imports: use the one that the previous page named")
        })
    }
}

impl Db {
    /// The imports that the filter lets through, the newest first.
    pub async fn list(&self, filter: &Filter, paging: Paging<Behind>) -> Result<Page<Import, Behind>, Error> {
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
                AND ($9::text IS NULL OR job ->> 'mode' = $9)
                AND ($7::timestamptz IS NULL OR (received_at, import_id) < ($7, $8::uuid))
              ORDER BY received_at DESC, import_id DESC
              LIMIT $5",
            filter.tenant_id.map(Id::get),
            &states,
            filter.before,
            filter.since,
            paging.one_more(),
            filter.error,
            paging.after.map(|behind| behind.received_at),
            paging.after.map(|behind| behind.import_id),
            filter.mode.map(Mode::as_str),
        )
        .fetch_all(&mut *self.pool.acquire().await?)
        .await?;
        let imports = load(&mut *self.pool.acquire().await?, &import_ids).await?;
        Ok(paging.page(imports, |import| Behind {
            received_at: import.received_at,
            import_id: import.job.import_id,
        }))
    }

    /// The newest imports whose ID is between these, at most this many.
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

#[cfg(test)]
mod tests {
    use super::Behind;

    #[test]
    fn a_place_in_the_list_is_read_as_it_was_written() {
        let text = "1764340194123456_6f9619ff-8b86-4d01-b42d-00cf4fc964ff";
        assert_eq!(text.parse::<Behind>().unwrap().to_string(), text);
        for wrong in [
            "",
            "_",
            "1764340194123456",
            "x_6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "9223372036854775807_x",
        ] {
            assert!(wrong.parse::<Behind>().is_err(), "{wrong}");
        }
    }
}
