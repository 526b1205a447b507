//! Why the database could not do what it was asked, and what that means for a retry.

use std::io::ErrorKind;

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
