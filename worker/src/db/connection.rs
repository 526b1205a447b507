//! Connections to the database: options go in; connections come out that answer, take changes and are in no transaction.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool, PgTransaction, Postgres, Row,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::error::Error;
use crate::{
    secret::Secret,
    tls::{is_this_machine, warn_of_plain_text},
    words::whole_number,
};

/// How long a step waits for a free connection, and so how long it takes to notice that the server is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// A statement that runs longer waits for something that will not come. The slowest of ours takes milliseconds.
const STATEMENT_TIMEOUT: &str = "30s";

/// A statement that waits longer for a lock waits for a transaction that hangs. That would keep the worker from other
/// tenants, so the message is retried later instead.
const LOCK_TIMEOUT: &str = "5s";

/// A transaction that idles longer belongs to a worker that is gone; it would hold its tenant's lock.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "10s";

/// How long the server may take for an answer that costs it nothing. A connection whose other end is gone without
/// having closed it never answers, and the operating system notices only after a quarter of an hour.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that nobody used for longer is closed instead of used: a load balancer may have dropped it silently,
/// which takes seconds to find out, while a new one takes milliseconds.
const MAX_IDLE: Duration = Duration::from_secs(3);

/// A connection that nobody used for longer makes room for other workers. Much longer than [`MAX_IDLE`]: whenever sqlx
/// looks for such connections, it counts the others as used.
const SURPLUS_IDLE: Duration = Duration::from_secs(60);

/// How often a caller that waits for a new connection checks whether another has become free.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Where the database is.
#[derive(Debug, Clone, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Servers")]
pub struct Options {
    /// URL of the database, with the worker's user and password; for TLS with ?sslmode=verify-full&sslrootcert=FILE
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Secret,
    /// Maximum number of connections that one worker opens
    #[arg(long, env = "DATABASE_CONNECTIONS", value_name = "N", default_value_t = 12, value_parser = whole_number(1_u32..=100))]
    pub database_connections: u32,
}

/// Connects once, immediately, and says why it cannot: a pool tries again and again, and then says only that it timed
/// out.
pub async fn reach(options: &Options) -> Result<(), Error> {
    reach_by(&connect_options(options)?).await
}

async fn reach_by(options: &PgConnectOptions) -> Result<(), Error> {
    within(ACQUIRE_TIMEOUT, async {
        PgConnection::connect_with(options).await?.close().await
    })
    .await
}

/// The answer to a question that costs the server nothing. The limit includes the time to find a connection.
pub(super) async fn answer<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    within(ACQUIRE_TIMEOUT + ANSWER_TIMEOUT, asked).await
}

async fn within<T>(limit: Duration, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::Silent {
            seconds: limit.as_secs(),
        }),
    }
}

/// The connections.
#[derive(Debug, Clone)]
pub(super) struct Pool(PgPool);

impl Pool {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let connect = connect_options(options)?;
        if let Some(host) = plain_text_host(&connect) {
            warn_of_plain_text(
                "database",
                host,
                "set ?sslmode=verify-full&sslrootcert=FILE in its URL",
            );
        }
        let pool = PgPoolOptions::new()
            .max_connections(options.database_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(SURPLUS_IDLE)
            // sqlx's own test waits for an answer as long as it may.
            .test_before_acquire(false)
            .before_acquire(|connection, found| {
                Box::pin(async move { Ok(found.idle_for <= MAX_IDLE && is_usable(connection).await?) })
            })
            // A step that is given up in the middle leaves a connection that may wait for an answer for ever, or be in a
            // transaction that sqlx 0.9 does not know of. The next step must not be the one that finds out.
            .after_release(|connection, _| Box::pin(is_usable(connection)))
            .connect_lazy_with(connect);
        Ok(Self(pool))
    }

    /// A connection that is free, or a new one, whichever is available first.
    ///
    /// sqlx decides on one of them and sticks to it: while a server that allows no more connections refuses a new one,
    /// those that have become free since would not be considered.
    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        // On the heap: every step waits here, and the future is large.
        let mut acquiring = Box::pin(self.0.acquire());
        loop {
            match tokio::time::timeout(LOOK_INTERVAL, &mut acquiring).await {
                Ok(Err(sqlx::Error::PoolTimedOut)) => return Err(self.why_timed_out().await),
                Ok(acquired) => return acquired,
                Err(_) => {
                    if let Some(mut free) = self.0.try_acquire()
                        && is_usable(&mut free).await.unwrap_or(false)
                    {
                        return Ok(free);
                    }
                }
            }
        }
    }

    pub(super) async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        PgTransaction::begin(self.acquire().await?, None).await
    }

    /// The wait timed out because all connections are in use, or because the server gives us none; then it says why.
    async fn why_timed_out(&self) -> sqlx::Error {
        match reach_by(&self.0.connect_options()).await {
            Err(Error::Sqlx(refused)) => refused,
            _ => sqlx::Error::PoolTimedOut,
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
            // Each of our statements has one good plan, whatever its values: planning the large ones each time, as the
            // server otherwise does, costs more than running them.
            ("plan_cache_mode", "force_generic_plan"),
        ]))
}

/// Another machine, if what goes there is or may be sent as plain text.
fn plain_text_host(options: &PgConnectOptions) -> Option<&str> {
    let may_be_plain = matches!(
        options.get_ssl_mode(),
        PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer
    );
    let host = Some(options.get_host()).filter(|host| may_be_plain && !is_this_machine(host));
    host.filter(|_| options.get_socket().is_none())
}

impl Options {
    /// Another machine, if what goes there is or may be sent as plain text.
    pub fn plain_text_host(&self) -> Option<String> {
        let options = connect_options(self).ok()?;
        plain_text_host(&options).map(str::to_owned)
    }
}

/// sqlx takes a URL of any scheme for a PostgreSQL URL.
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

/// Whether a connection answers, is in no transaction, and takes changes: a session that began while the database was
/// read-only may stay read-only when others no longer are.
async fn is_usable(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // In a transaction now() is the time of its first statement. One message, because the extended protocol would give
    // each of its messages a time of its own.
    let asked = sqlx::Executor::fetch_one(
        connection,
        sqlx::raw_sql(
            "SELECT now() = statement_timestamp() AND current_setting('transaction_read_only') = 'off'",
        ),
    );
    match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
        Ok(row) => row?.try_get(0),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}
