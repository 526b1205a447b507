//! PostgreSQL: the only place that names sqlx. What is here is the truth; the broker only moves work.
//!
//! Transactions are short. Whoever writes rows or users of a tenant holds that tenant's advisory lock until the commit:
//! otherwise two imports of the same names, in different order, would wait for each other's index entries for ever.

mod batch;
mod health;
mod imports;
mod inspect;
mod operate;
mod plan;
mod purge;
mod refuse;
mod report;
mod rescue;
mod seals;
mod shards;

use std::{io::ErrorKind, str::FromStr, time::Duration};

use shared::contract::Id;
use sqlx::{
    Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::secret::Secret;

pub use batch::{Batch, Committed, Hashed};
pub use health::{Health, SchemaVersion};
pub use imports::{Import, State};
pub use inspect::{Filter, RowState};
pub use operate::{Audit, LockedImport, StoredRow};
pub use plan::{Planned, PlanningTransaction};
pub use purge::{Old, Stage};
pub use report::{CreatedRow, RefusedRow};
pub use rescue::Rescue;
pub use shards::Shards;

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

/// Name space of the tenants' advisory locks, so that other users of the database do not meet them by chance.
const TENANT_LOCK: &str = "user-import tenant ";

/// The schema, embedded in the program.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

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

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server, or the way to it.
    #[error("database: {0}")]
    Sqlx(#[from] sqlx::Error),
    /// The URL cannot be read.
    #[error("database: its URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE: {0}")]
    Url(String),
    /// The server is silent.
    #[error("database: no answer within {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
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
    Uncommitted(Vec<i32>),
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
            Self::Silent { .. } | Self::SchemaMissing | Self::Uncommitted(_) => Severity::Transient,
            Self::Url(_) | Self::Migrate(_) | Self::Corrupt { .. } => Severity::Unexpected,
        }
    }

    /// What to do where the database cannot be reached by its URL, the value of this variable.
    pub fn advice(&self, variable: &str) -> String {
        match self {
            Self::Sqlx(sqlx::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                format!("start PostgreSQL, or correct host and port in {variable}: nobody listens there")
            }
            Self::Sqlx(sqlx::Error::Io(_)) => {
                format!("correct the host in {variable}, or mend the name service or the way to it")
            }
            Self::Silent { .. } => {
                format!(
                    "does a firewall stand between, or does the server hang? Is the host in {variable} right?"
                )
            }
            Self::Sqlx(sqlx::Error::Tls(_)) => {
                format!("correct sslmode and sslrootcert in {variable}, or the server's certificate")
            }
            Self::Sqlx(sqlx::Error::Database(error)) => match error.code().unwrap_or_default().as_ref() {
                // Source: PostgreSQL manual, appendix A.
                "28P01" | "28000" => {
                    format!("correct user and password in {variable}, or let the user in (pg_hba.conf)")
                }
                "3D000" => format!("create the database, or correct its name in {variable}"),
                "53300" => {
                    "let PostgreSQL take more connections (max_connections), or run fewer workers".to_owned()
                }
                "57P03" => "wait: the server is starting or stopping".to_owned(),
                _ => format!("look into PostgreSQL's log; is {variable} right?"),
            },
            _ => format!("correct {variable}"),
        }
    }

    /// Whether the server is away, for everybody and not for this message alone.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Silent { .. } => true,
            Self::Sqlx(
                sqlx::Error::Io(_)
                // Who closes a connection while it is made, or answers in another protocol, is a proxy without its server.
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed,
            ) => true,
            Self::Sqlx(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                // Source: PostgreSQL manual, appendix A. 08 connection, 53300 too many connections, 57P shutdown,
                // crash, start.
                ["08", "53300", "57P"].iter().any(|class| code.starts_with(class))
            }
            _ => false,
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
            // Source: PostgreSQL manual, appendix A. 08 connection, 40 serialisation and deadlock, 42501 a grant is
            // missing, 53 resources, 55 lock, 57 operator, 58 system.
            let passing = ["08", "28", "3D", "40", "42501", "53", "55", "57", "58"];
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

    /// Whether the server answers and has this program's schema.
    pub async fn check(&self) -> Result<(), Error> {
        // The newest table of the schema.
        let asked = sqlx::query_scalar!(r#"SELECT to_regclass('imports.probes') IS NOT NULL AS "present!""#)
            .fetch_one(&self.pool);
        // The pool's own time to find a connection comes before the answer.
        if answer(ACQUIRE_TIMEOUT + ANSWER_TIMEOUT, asked).await? {
            Ok(())
        } else {
            Err(Error::SchemaMissing)
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
