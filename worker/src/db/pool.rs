//! The pool of connections, and what each connection is told when it is made.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::error::Error;
use crate::secret::Secret;

/// How long a step waits for a free connection, and so how long it takes to notice that the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A statement that runs longer waits for something that will not come. The slowest of ours takes milliseconds.
const STATEMENT_TIMEOUT: &str = "30s";

/// Whoever waits longer for a lock stands behind a transaction that hangs. Waiting for it would keep other tenants from
/// the worker; the message is put off instead.
const LOCK_TIMEOUT: &str = "5s";

/// A transaction that idles longer belongs to a worker that is gone; it would hold its tenant's lock.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "10s";

/// How long the server may take for an answer that costs it nothing. A connection whose other end is gone without a word
/// never answers, and the operating system notices only after a quarter of an hour.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What PostgreSQL says of a table that does not exist. Source: its manual, appendix A.
const UNDEFINED_TABLE: &str = "42P01";

/// The schema, embedded in the program.
pub(super) static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Where the database is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub struct Options {
    /// URL of the database, with the worker's user and password; for TLS with ?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Secret,
    /// Most connections that one worker opens
    #[arg(long, env = "DATABASE_CONNECTIONS", value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub database_connections: u32,
}

/// The database of imports and users.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) pool: PgPool,
}

impl Db {
    /// A pool of connections; connects when first used.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let connect = connect_options(options)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.database_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A step that is given up in the middle leaves a connection that may wait for an answer for ever, or be in a
            // transaction that sqlx 0.9 does not know of. Neither must get back into the pool.
            .after_release(|connection, _| Box::pin(is_reusable(connection)))
            .connect_lazy_with(connect);
        Ok(Self { pool })
    }

    /// Connects once and at once, and says why it cannot: the pool tries again and again, and then says only that time is up.
    pub async fn reach(options: &Options) -> Result<(), Error> {
        let options = connect_options(options)?;
        match tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await {
            Ok(connection) => Ok(connection?.close().await?),
            Err(_) => Err(Error::Silent {
                seconds: ACQUIRE_TIMEOUT.as_secs(),
            }),
        }
    }

    /// Brings the schema up to date; does nothing if it is.
    pub async fn migrate(&self) -> Result<(), Error> {
        Ok(MIGRATIONS.run(&self.pool).await?)
    }

    /// Whether the server answers and has this program's schema, or a newer one.
    pub async fn check(&self) -> Result<(), Error> {
        let needed: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        let asked = sqlx::query_scalar!(
            r#"SELECT count(*) = cardinality($1::bigint[]) AS "applied!"
                 FROM _sqlx_migrations WHERE success AND version = ANY($1::bigint[])"#,
            &needed,
        )
        .fetch_one(&self.pool);
        // The pool's own time to find a connection comes before the answer.
        match answer(ACQUIRE_TIMEOUT + ANSWER_TIMEOUT, asked).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::SchemaMissing),
            Err(Error::Sqlx(sqlx::Error::Database(error)))
                if error.code().as_deref() == Some(UNDEFINED_TABLE) =>
            {
                Err(Error::SchemaMissing)
            }
            Err(error) => Err(error),
        }
    }
}

fn connect_options(options: &Options) -> Result<PgConnectOptions, Error> {
    Ok(parse(options.database_url.expose())?
        .application_name("user-import")
        .options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("lock_timeout", LOCK_TIMEOUT),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
            // Each of our statements has one good plan, whatever its values: planning the large ones anew, as the server
            // else does, costs more than running them.
            ("plan_cache_mode", "force_generic_plan"),
        ]))
}

/// sqlx takes a URL of any scheme for one of PostgreSQL.
fn parse(url: &str) -> Result<PgConnectOptions, Error> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(Error::Url("it does not begin with postgres://".to_owned()));
    }
    PgConnectOptions::from_str(url).map_err(|error| match error {
        sqlx::Error::Configuration(cause) => Error::Url(cause.to_string()),
        other => Error::Url(other.to_string()),
    })
}

/// Whether a connection that comes back to the pool answers, and is in no transaction.
async fn is_reusable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction now() is the time of its first statement. One message, because the extended protocol would give
    // each of its messages a time of its own.
    let asked = sqlx::Executor::fetch_one(connection, sqlx::raw_sql("SELECT now() = statement_timestamp()"));
    match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
        Ok(row) => row?.try_get(0),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

async fn answer<T>(limit: Duration, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Silent {
            seconds: limit.as_secs(),
        }),
    }
}
