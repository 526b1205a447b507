//! The database as the program holds it, and what it must be before anything is done in it.

use super::{
    connection::{Options, Pool, answer, reach},
    error::Error,
};

/// What PostgreSQL says of a table that does not exist. Source: its manual, appendix A.
const UNDEFINED_TABLE: &str = "42P01";

/// The schema, embedded in the program.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// The database of imports and users.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) pool: Pool,
}

impl Db {
    /// A pool of connections; connects when first used.
    pub fn new(options: &Options) -> Result<Self, Error> {
        Ok(Self {
            pool: Pool::new(options)?,
        })
    }

    /// The same, once the server has answered: one that is away is told at once, with the reason.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        reach(options).await?;
        Self::new(options)
    }

    /// Brings the schema up to date; does nothing if it is.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.check_encoding().await?;
        Ok(MIGRATIONS.run(&mut *self.pool.acquire().await?).await?)
    }

    /// Whether the server answers, takes changes, and has this program's schema, or a newer one.
    pub async fn check(&self) -> Result<(), Error> {
        let needed: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let asked = async {
            sqlx::query!(
                r#"SELECT count(*) = cardinality($1::bigint[]) AS "applied!",
                          current_setting('transaction_read_only') = 'on' AS "read_only!"
                     FROM _sqlx_migrations WHERE success AND version = ANY($1::bigint[])"#,
                &needed,
            )
            .fetch_one(&mut *self.pool.acquire().await?)
            .await
        };
        match answer(asked).await {
            Ok(found) if found.read_only => Err(Error::ReadOnly),
            Ok(found) if found.applied => Ok(()),
            Ok(_) => Err(Error::SchemaMissing),
            Err(Error::Sqlx(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some(UNDEFINED_TABLE) =>
            {
                Err(Error::SchemaMissing)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the database can hold every name.
    pub async fn check_encoding(&self) -> Result<(), Error> {
        let encoding = sqlx::query_scalar!(r#"SELECT current_setting('server_encoding') AS "encoding!""#)
            .fetch_one(&mut *self.pool.acquire().await?)
            .await?;
        match encoding.as_str() {
            "UTF8" => Ok(()),
            _ => Err(Error::Encoding(encoding)),
        }
    }
}
