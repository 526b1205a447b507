//! The program's handle on the database, and the checks that the database must pass before it is used.

use sqlx::migrate::MigrateError;

use super::{
    connection::{Options, Pool, answer, reach},
    error::Error,
};

/// What PostgreSQL says of a table that does not exist. Source: its manual, appendix A.
const UNDEFINED_TABLE: &str = "42P01";

/// What PostgreSQL says of a deadlock. Source: the same.
const DEADLOCK_DETECTED: &str = "40P01";

/// How often a migration that met a deadlock is started again. PostgreSQL takes a second to see one, and under load
/// about every second migration of a busy table meets one.
const DEADLOCK_RETRIES: usize = 20;

/// The schema, embedded in the program.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

fn is_deadlock(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some(DEADLOCK_DETECTED)
}

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

    /// The same, once the server has answered: if it is unavailable, this fails at once, with the reason.
    pub async fn connect(options: &Options) -> Result<Self, Error> {
        reach(options).await?;
        Self::new(options)
    }

    /// Brings the schema up to date; does nothing if it is.
    ///
    /// Workers that run at the same time may take locks in another order than a migration does, and PostgreSQL then
    /// ends one of the two. Each migration is a transaction of its own: one that was ended is started again, those that
    /// are done stay.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.check_encoding().await?;
        // One connection for all tries: it holds the lock that lets only one program migrate.
        let mut connection = self.pool.acquire().await?;
        for _ in 0..DEADLOCK_RETRIES {
            match MIGRATIONS.run(&mut *connection).await {
                Err(error) if is_deadlock(&error) => {
                    tracing::warn!(%error, "workers held locks that a migration needed, trying again");
                }
                migrated => return Ok(migrated?),
            }
        }
        Ok(MIGRATIONS.run(&mut *connection).await?)
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
