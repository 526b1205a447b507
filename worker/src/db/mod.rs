//! PostgreSQL: the only place that names sqlx. What is here is the truth; the broker only moves work.
//!
//! Transactions are short. Whoever writes rows or users of a tenant holds that tenant's advisory lock until the commit:
//! otherwise two imports of the same names, in different order, would wait for each other's index entries for ever.

mod imports;
mod plan;
mod report;
mod settle;

use std::{str::FromStr, time::Duration};

use shared::contract::Id;
use sqlx::{
    PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::secret::Secret;

pub use imports::{Import, State};
pub use plan::{Planned, PlanningTransaction};
pub use report::{CreatedRow, RefusedRow};
pub use settle::{Batch, Hashed, Settled};

/// How long a step waits for a free connection, and so how long it takes to notice that the server is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A statement that runs longer waits for something that will not come. The slowest of ours takes milliseconds.
const STATEMENT_TIMEOUT: &str = "30s";

/// A transaction that idles longer belongs to a worker that is gone; it would hold its tenant's lock.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";

/// Name space of the tenants' advisory locks, so that other users of the database do not meet them by chance.
const TENANT_LOCK: &str = "user-import tenant ";

/// The schema, embedded in the program.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Where the database is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub struct Options {
    /// URL of the database, with the worker's user and password
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Secret,
    /// Most connections that one worker opens
    #[arg(long, env = "DATABASE_CONNECTIONS", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub database_connections: u32,
}

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server, or the way to it.
    #[error("database: {0}")]
    Sqlx(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("database: migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema is not there, or older than this program.
    #[error("database: the schema is not up to date: run `user-import migrate`")]
    SchemaMissing,
    /// Something is stored that this program did not write.
    #[error("database: {what} cannot be read back: {cause}")]
    Corrupt {
        /// The column or value.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// A user's name or number was taken and freed again while its row was written.
    #[error("database: rows {0:?} could neither be created nor told why")]
    Unsettled(Vec<i32>),
}

/// What an error means for a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The server or its surroundings: it passes.
    Transient,
    /// Nothing that is known to pass or to stay.
    Unexpected,
}

impl Error {
    pub(crate) fn corrupt(what: &'static str, cause: impl ToString) -> Self {
        Self::Corrupt {
            what,
            cause: cause.to_string(),
        }
    }

    /// What the error means for a retry.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Sqlx(error) => severity(error),
            Self::SchemaMissing | Self::Unsettled(_) => Severity::Transient,
            Self::Migrate(_) | Self::Corrupt { .. } => Severity::Unexpected,
        }
    }
}

fn severity(error: &sqlx::Error) -> Severity {
    use Severity::{Transient, Unexpected};
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Transient,
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // Source: PostgreSQL manual, appendix A. 08 connection, 23503 a role or desk was deleted between check and
            // insert, 40 serialisation and deadlock, 42501 a grant is missing, 53 resources, 55 lock, 57 operator, 58 system.
            let passing = ["08", "23503", "28", "3D", "40", "42501", "53", "55", "57", "58"];
            if passing.iter().any(|class| code.starts_with(class)) {
                Transient
            } else {
                Unexpected
            }
        }
        _ => Unexpected,
    }
}

/// The database of imports and users.
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// A pool of connections; connects when first used.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let connect = PgConnectOptions::from_str(options.database_url.expose())?
            .application_name("user-import")
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT),
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.database_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(connect);
        Ok(Self { pool })
    }

    /// Brings the schema up to date; does nothing if it is.
    pub async fn migrate(&self) -> Result<(), Error> {
        Ok(MIGRATIONS.run(&self.pool).await?)
    }

    /// Whether the server answers and has this program's schema.
    pub async fn check(&self) -> Result<(), Error> {
        let present = sqlx::query_scalar!(r#"SELECT to_regclass('imports.rows') IS NOT NULL AS "present!""#)
            .fetch_one(&self.pool)
            .await?;
        if present {
            Ok(())
        } else {
            Err(Error::SchemaMissing)
        }
    }
}

/// Waits for the tenant's lock and holds it until the end of the transaction.
async fn lock_tenant(connection: &mut PgConnection, tenant_id: Id) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("{TENANT_LOCK}{tenant_id}")
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Row numbers and counters are `integer` in the database and never negative.
fn unsigned(what: &'static str, number: i32) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::corrupt(what, number))
}

fn signed(what: &'static str, number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|_| Error::corrupt(what, number))
}
