//! Options that do not belong to a single server.

use shared::limits::Limits;

use crate::{
    crypto::{
        hashing::{self, Choice, Cost, Hasher},
        seal::{InvalidKeys, KeyRing},
    },
    db,
    secret::Secret,
    words::whole_number,
};

/// An option that is invalid whatever the servers do: the command ends before it has begun.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Misconfigured(pub(super) String);

/// The keys of `SEAL_KEYS`. Parsed here and not by clap, whose error would print the value.
pub(super) fn seal_keys(text: &Secret) -> Result<KeyRing, Misconfigured> {
    text.expose()
        .parse()
        .map_err(|error: InvalidKeys| Misconfigured(format!("SEAL_KEYS cannot be used: {error}")))
}

/// Options of `migrate`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct MigrateArgs {
    /// URL of the database, with the user who owns the schema; the worker's own user cannot change it
    #[arg(
        long,
        env = "MIGRATE_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    migrate_database_url: Secret,
}

impl MigrateArgs {
    pub(super) fn options(self) -> db::Options {
        db::Options {
            database_url: self.migrate_database_url,
            database_connections: 1,
        }
    }
}

/// The limits of a file.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Limits of a file")]
pub(super) struct LimitArgs {
    /// Maximum size of a file in bytes
    #[arg(long, env = "MAX_FILE_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_file_bytes, value_parser = whole_number(1_u64..=u64::MAX))]
    max_file_bytes: u64,
    /// Maximum number of rows
    #[arg(long, env = "MAX_ROWS", value_name = "N", default_value_t = Limits::default().max_rows, value_parser = whole_number(1..=usize::MAX))]
    max_rows: usize,
    /// Maximum number of columns
    #[arg(long, env = "MAX_COLUMNS", value_name = "N", default_value_t = Limits::default().max_columns, value_parser = whole_number(1..=usize::MAX))]
    max_columns: usize,
    /// Maximum size of a cell in bytes of UTF-8
    #[arg(long, env = "MAX_CELL_BYTES", value_name = "BYTES", default_value_t = Limits::default().max_cell_bytes, value_parser = whole_number(1..=usize::MAX))]
    max_cell_bytes: usize,
}

impl LimitArgs {
    pub(super) const fn limits(&self) -> Limits {
        Limits {
            max_file_bytes: self.max_file_bytes,
            max_rows: self.max_rows,
            max_columns: self.max_columns,
            max_cell_bytes: self.max_cell_bytes,
        }
    }
}

/// What a hash costs.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Hashing")]
pub(super) struct HashingArgs {
    /// Hashing threads [default: one per core]
    #[arg(long, env = "HASH_THREADS", value_name = "N", value_parser = whole_number(1_u16..=1024))]
    hash_threads: Option<u16>,
    /// Argon2id memory in KiB
    #[arg(long, env = "ARGON2_MEMORY_KIB", value_name = "KIB", default_value_t = Cost::default().memory_kib)]
    argon2_memory_kib: u32,
    /// Argon2id passes
    #[arg(long, env = "ARGON2_PASSES", value_name = "N", default_value_t = Cost::default().passes)]
    argon2_passes: u32,
    /// Argon2id lanes
    #[arg(long, env = "ARGON2_LANES", value_name = "N", default_value_t = Cost::default().lanes)]
    argon2_lanes: u32,
    /// Which implementation of Argon2 hashes
    #[arg(
        long,
        env = "ARGON2_IMPLEMENTATION",
        value_name = "NAME",
        value_enum,
        default_value_t
    )]
    argon2_implementation: Choice,
    /// Accept a cost below the minimum (19 MiB and 2 passes, or as strong). For tests only: such hashes protect nobody
    #[arg(long, env = "ARGON2_ALLOW_WEAK")]
    argon2_allow_weak: bool,
}

impl HashingArgs {
    /// Starts the hashing threads, unless the cost is below the minimum.
    pub(super) fn start(&self) -> anyhow::Result<Hasher> {
        let cost = Cost {
            memory_kib: self.argon2_memory_kib,
            passes: self.argon2_passes,
            lanes: self.argon2_lanes,
        };
        if !self.argon2_allow_weak && cost.is_weak() {
            return Err(Misconfigured(format!(
                "Argon2 with {} KiB and {} passes is too weak: use at least 19456 KiB and 2 passes, or an equally strong \
                 pair (47104/1, 12288/3, 9216/4, 7168/5)",
                cost.memory_kib, cost.passes
            ))
            .into());
        }
        let hasher =
            Hasher::start(cost, self.threads(), self.argon2_implementation).map_err(|error| match error {
                hashing::Error::Argon2(_) | hashing::Error::Fast(_) | hashing::Error::Disagreement => {
                    anyhow::Error::new(Misconfigured(error.to_string()))
                }
                hashing::Error::OutOfMemory => anyhow::anyhow!(
                    "{error}: {} threads of {} KiB; give this machine or container more memory, or lower HASH_THREADS",
                    self.threads(),
                    cost.memory_kib
                ),
                other => other.into(),
            })?;
        tracing::info!(
            memory_kib = cost.memory_kib,
            passes = cost.passes,
            lanes = cost.lanes,
            implementation = hasher.implementation().as_str(),
            threads = self.threads(),
            "hashing with Argon2id"
        );
        Ok(hasher)
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.hash_threads.map_or_else(cores, usize::from)
    }
}
