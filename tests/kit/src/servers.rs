//! The servers of `deploy/local/env`, and how one world reaches its part of them.

use std::str::FromStr;

use shared::limits::Limits;
use sqlx::postgres::PgConnectOptions;
use worker::{
    broker,
    crypto::hashing::{Choice, Cost, Hasher},
    db::{self, Db},
    steps::Context,
    storage::{self, Storage},
    telemetry::metrics::Metrics,
};

use crate::World;

/// A cost that makes hashing trivial, for tests of everything else.
const TRIFLE: Cost = Cost {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};

/// A variable that `deploy/local/env` prints.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with deploy/local/test"))
}

/// The store of the local servers.
pub fn storage() -> Storage {
    Storage::new(&storage_options()).expect("an endpoint")
}

fn storage_options() -> storage::Options {
    storage::Options {
        endpoint: variable("S3_ENDPOINT").parse().expect("any text"),
        ca_file: None,
        region: variable("S3_REGION"),
        bucket: variable("S3_BUCKET"),
        access_key_id: variable("S3_ACCESS_KEY_ID"),
        secret_access_key: variable("S3_SECRET_ACCESS_KEY").parse().expect("any text"),
    }
}

pub(crate) fn broker_options(prefix: String, shards: u16) -> broker::Options {
    broker::Options {
        amqp_url: variable("AMQP_URL").parse().expect("any text"),
        amqp_ca_file: None,
        amqp_prefix: prefix,
        amqp_shards: shards,
    }
}

pub(crate) fn database_options(url: &str) -> db::Options {
    db::Options {
        database_url: url.parse().expect("any text"),
        database_connections: 4,
    }
}

/// The URL in this variable, of another database.
pub(crate) fn database_url(variable_name: &str, database: &str) -> String {
    let options = PgConnectOptions::from_str(&variable(variable_name)).expect("a database URL");
    sqlx::ConnectOptions::to_url_lossy(&options.database(database)).to_string()
}

impl World {
    /// What a worker of this world finds in its environment, besides what is the same for all worlds.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let url = |name| (name, database_url(name, &self.name));
        vec![
            url("DATABASE_URL"),
            url("MIGRATE_DATABASE_URL"),
            url("OPERATOR_DATABASE_URL"),
            ("AMQP_PREFIX", self.prefix()),
            ("AMQP_SHARDS", self.shards.to_string()),
            ("ARGON2_MEMORY_KIB", TRIFLE.memory_kib.to_string()),
            ("ARGON2_PASSES", TRIFLE.passes.to_string()),
            ("ARGON2_ALLOW_WEAK", "true".to_owned()),
        ]
    }

    /// One variable of a worker's environment.
    pub fn variable(&self, name: &str) -> String {
        let own = self.variables().into_iter().find(|(own, _)| *own == name);
        own.map_or_else(|| variable(name), |(_, value)| value)
    }

    /// The URL of the world's database, with the log-in of the console.
    pub(crate) fn console_database_url(&self) -> String {
        database_url("CONSOLE_DATABASE_URL", &self.name)
    }

    /// The world's database with the log-in in this variable.
    pub fn log_in(&self, variable: &str) -> Db {
        Db::new(&database_options(&database_url(variable, &self.name))).expect("a URL")
    }

    /// How the world's own programs reach its servers.
    pub fn servers(&self) -> (db::Options, broker::Options, storage::Options) {
        (
            database_options(&self.variable("DATABASE_URL")),
            broker_options(self.prefix(), self.shards),
            storage_options(),
        )
    }

    /// What a worker gives to its steps, for tests that run one by hand.
    pub fn context(&self) -> Context {
        let (database, ..) = self.servers();
        Context {
            db: Db::new(&database).expect("a URL"),
            storage: self.storage.clone(),
            hasher: Hasher::start(TRIFLE, 2, Choice::Auto)
                .expect("hashing threads")
                .into(),
            seals: variable("SEAL_KEYS").parse().expect("seal keys"),
            shards: self.shards,
            limits: Limits::default(),
            batch_rows: 25,
            password_days: 30,
            metrics: Metrics::new("test").expect("metrics"),
        }
    }
}
