//! Why the database could not do what it was asked, and what that means for the caller.

use std::io::ErrorKind;

use sqlx::postgres::PgDatabaseError;

/// Why the database could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server, or the way to it.
    #[error("database: {}", told(.0))]
    Sqlx(sqlx::Error),
    /// The URL cannot be read.
    #[error("database: its URL is not of the form postgres://USER:PASSWORD@HOST:PORT/DATABASE: {0}")]
    Url(String),
    /// The server is silent.
    #[error("database: no answer within {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// The server answers and takes no changes.
    #[error("database: it is read-only: a standby server, or somebody has set default_transaction_read_only")]
    ReadOnly,
    /// The schema could not be brought up to date.
    #[error("database: migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The schema is missing, or older than this program.
    #[error("database: the schema is not up to date: run `user-import migrate`")]
    SchemaMissing,
    /// The database cannot hold every name.
    #[error(
        "database: its encoding is {0}, which cannot hold the names of all people: create the database again with ENCODING 'UTF8'"
    )]
    Encoding(String),
    /// Something is stored that this program did not write.
    #[error("database: {what} cannot be read back: {cause}")]
    Corrupt {
        /// The column or value.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// A user's name or number was taken and freed again while its row was written.
    #[error("database: rows {0:?} could not be created, and no reason was found")]
    Uncommitted(Vec<i32>),
}

/// What an error means for a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It concerns the server, and so all messages: workers wait for it, and count no try.
    Outage,
    /// It concerns this statement, this time, and passes.
    Transient,
    /// It is not known whether it passes.
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
            Self::Silent { .. } | Self::ReadOnly => Severity::Outage,
            Self::SchemaMissing | Self::Uncommitted(_) => Severity::Transient,
            Self::Url(_) | Self::Migrate(_) | Self::Encoding(_) | Self::Corrupt { .. } => {
                Severity::Unexpected
            }
        }
    }

    /// Whether the server is unavailable, for everybody and not for this message alone.
    pub fn is_outage(&self) -> bool {
        self.severity() == Severity::Outage
    }

    /// Whether the error is known to pass, by itself or once somebody has repaired the server.
    pub fn passes(&self) -> bool {
        self.severity() != Severity::Unexpected
    }

    /// Whether the connection broke, which a statement that crashes the server may cause. A server that says why it
    /// does nothing was not harmed by what it was asked.
    pub fn is_broken_connection(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => true,
            // 57P02: the server ends all connections, because one of its processes has crashed.
            Self::Sqlx(sqlx::Error::Database(error)) => error.code().as_deref() == Some("57P02"),
            _ => false,
        }
    }

    /// What to do if the database cannot be reached at its URL, the value of this variable.
    pub fn advice(&self, variable: &str) -> String {
        match self {
            Self::Sqlx(sqlx::Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {
                format!("start PostgreSQL, or correct host and port in {variable}: nothing listens there")
            }
            Self::Sqlx(sqlx::Error::Io(_)) => {
                format!("correct the host in {variable}, or fix the name service or the network path to it")
            }
            Self::Silent { .. } => {
                format!(
                    "is a firewall in between, or does the server hang? Is the host in {variable} right?"
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
                    "let PostgreSQL or the role take more connections (max_connections, ALTER ROLE … CONNECTION LIMIT), \
                     or run fewer workers"
                        .to_owned()
                }
                "57P03" => "wait: the server is starting or stopping".to_owned(),
                _ => format!("look at PostgreSQL's log; is {variable} right?"),
            },
            Self::SchemaMissing => "run user-import migrate".to_owned(),
            Self::ReadOnly => {
                format!("point {variable} to the primary server, or make the database writable again")
            }
            Self::Encoding(_) => "move the data into a database with ENCODING 'UTF8'".to_owned(),
            _ => format!("correct {variable}"),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlx(error)
    }
}

/// How an error is described, wherever it is stored, logged or shown. If a value, a constraint or a trigger caused it,
/// the server's own message may quote values of cells, so it is left out.
fn told(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(refused) = error else {
        return error.to_string();
    };
    let code = refused.code().unwrap_or_default();
    let is_raised = refused
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|refused| refused.routine() == Some("exec_stmt_raise"));
    // Source: PostgreSQL manual, appendix A: data exceptions, constraints, errors of PL/pgSQL, WITH CHECK OPTION.
    let may_hold_values = ["22", "23", "P0", "44"]
        .iter()
        .any(|class| code.starts_with(class));
    if !is_raised && !may_hold_values {
        return error.to_string();
    }
    let named =
        |what: &str, name: Option<&str>| name.map(|name| format!(", {what} {name}")).unwrap_or_default();
    format!(
        "refused with SQLSTATE {code}{}{}",
        named("constraint", refused.constraint()),
        named("table", refused.table())
    )
}

fn severity(error: &sqlx::Error) -> Severity {
    match error {
        // What closes a connection while it is made, or answers in another protocol, is a proxy without its server.
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Severity::Outage,
        sqlx::Error::Database(error) => severity_of_code(&error.code().unwrap_or_default()),
        _ => Severity::Unexpected,
    }
}

/// Source: PostgreSQL manual, appendix A.
fn severity_of_code(code: &str) -> Severity {
    use Severity::{Outage, Transient, Unexpected};
    let meanings = [
        // Connection; poolers answer this too while they have no server.
        ("08", Outage),
        // Read-only: a standby that is not promoted yet, or an administrator has set it for a while.
        ("25006", Outage),
        // The session was ended, because the worker was stopped in the middle of a transaction.
        ("25P", Transient),
        // Log-in refused: a password is being changed.
        ("28", Outage),
        // The database does not exist: it is being restored.
        ("3D000", Outage),
        // Serialisation failure, deadlock.
        ("40", Transient),
        // A grant is missing.
        ("42501", Transient),
        // Memory, or a limit of this statement alone.
        ("53200", Transient),
        ("53400", Transient),
        // Disk full, too many connections.
        ("53", Outage),
        // Locks.
        ("55", Transient),
        // The statement took too long.
        ("57014", Transient),
        // Shutdown, crash, start.
        ("57", Outage),
        // The server's disk.
        ("58", Outage),
    ];
    let known = meanings.into_iter().find(|(class, _)| code.starts_with(class));
    known.map_or(Unexpected, |(_, severity)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_answers_is_waited_for_or_tried_again_or_unexpected() {
        use Severity::{Outage, Transient, Unexpected};
        for (codes, severity) in [
            (
                [
                    "08006", "25006", "28P01", "28000", "3D000", "53100", "53300", "57P01", "57P02", "57P03",
                    "58030",
                ]
                .as_slice(),
                Outage,
            ),
            (
                &["25P03", "40001", "40P01", "42501", "53200", "55P03", "57014"],
                Transient,
            ),
            (&["22021", "23505", "42601", "42P01", "XX000", ""], Unexpected),
        ] {
            for code in codes {
                assert_eq!(severity_of_code(code), severity, "{code}");
            }
        }
    }
}
