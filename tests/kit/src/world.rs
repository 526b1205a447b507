//! A database, exchanges, queues and tenants that belong to one test alone, so that tests run side by side.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
    sync::atomic::{AtomicI64, Ordering},
};

use futures::FutureExt;
use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use shared::{contract::Id, limits::Limits};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions};
use uuid::Uuid;
use worker::{
    broker,
    crypto::hashing::{Choice, Cost, Hasher},
    db::{self, Db},
    steps::Context as Tools,
    storage::{self, Storage},
    telemetry::metrics::Metrics,
};

use crate::{dialer::Inbox, eventually, process, variable};

/// Few shards, because each is a replicated queue that costs the broker something.
const SHARDS: u16 = 2;

/// A cost that makes hashing a trifle, for tests of everything else.
const TRIFLE: Cost = Cost {
    memory_kib: 64,
    passes: 1,
    lanes: 1,
};

/// Runs a test in a world of its own and clears the world away, however the test ends.
pub async fn in_world(test: impl AsyncFnOnce(&World)) {
    in_world_of(SHARDS, test).await;
}

/// The same with this many shards.
pub async fn in_world_of(shards: u16, test: impl AsyncFnOnce(&World)) {
    let world = World::create(shards).await;
    let ended = AssertUnwindSafe(async {
        test(&world).await;
        world.assert_contract();
    })
    .catch_unwind()
    .await;
    if ended.is_err() {
        eprintln!("--- the workers' log\n{}---", world.logged());
    }
    world.clear_away().await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// What belongs to one test.
#[derive(Debug)]
pub struct World {
    name: String,
    shards: u16,
    scratch: PathBuf,
    /// The world's database, as its owner.
    pub db: PgPool,
    pub(crate) storage: Storage,
    pub(crate) inbox: Inbox,
    next_tenant: AtomicI64,
}

/// A tenant with roles 10, 11 and (inactive) 12, desks 20 and 21, skill groups 30 and 31, tags 40 and 41, PBX domain 50
/// and the extension range 1000 to 1999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    /// Its ID.
    pub id: Id,
}

impl World {
    async fn create(shards: u16) -> Self {
        // The broker's permissions let a test prefix be `t`, hexadecimal digits and a point.
        let name = format!("t{:08x}", random());
        let admin = PgPool::connect(&variable("MIGRATE_DATABASE_URL"))
            .await
            .expect("PostgreSQL");
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&admin)
            .await
            .expect("a database");
        admin.close().await;

        let owner = database_url("MIGRATE_DATABASE_URL", &name);
        Db::new(&database_options(&owner))
            .expect("a URL")
            .migrate()
            .await
            .expect("the migrations run");
        broker::declare(&broker_options(&name, shards))
            .await
            .expect("the topology is declared");
        let storage = storage_options();
        let scratch = std::env::temp_dir().join(format!("user-import-{name}"));
        std::fs::create_dir(&scratch).expect("a folder for the test's files");
        Self {
            shards,
            scratch,
            db: PgPool::connect(&owner).await.expect("the database"),
            storage: Storage::new(&storage).expect("an endpoint"),
            inbox: Inbox::open(&name).await,
            // Tenants of all tests share the bucket, so no two may have the same ID.
            next_tenant: AtomicI64::new(i64::from(random()) << 16 | 1),
            name,
        }
    }

    /// What is put before the names of exchanges and queues.
    pub fn prefix(&self) -> String {
        format!("{}.", self.name)
    }

    /// Names of the world's exchanges and queues.
    pub fn topology(&self) -> broker::Topology {
        broker_options(&self.name, self.shards).topology()
    }

    /// A folder for the test's files.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Writes a file into that folder.
    pub fn scratch_file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.scratch.join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }

    /// Where workers write their log.
    pub(crate) fn log(&self) -> PathBuf {
        self.scratch.join("workers.log")
    }

    /// The program `user-import`, with the world's servers in its environment.
    pub fn command(&self) -> Command {
        process::program(self)
    }

    /// What workers have logged so far.
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// What a worker of this world finds in its environment.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", database_url("DATABASE_URL", &self.name)),
            (
                "MIGRATE_DATABASE_URL",
                database_url("MIGRATE_DATABASE_URL", &self.name),
            ),
            (
                "OPERATOR_DATABASE_URL",
                database_url("OPERATOR_DATABASE_URL", &self.name),
            ),
            ("AMQP_PREFIX", self.prefix()),
            ("AMQP_SHARDS", self.shards.to_string()),
            ("ARGON2_MEMORY_KIB", TRIFLE.memory_kib.to_string()),
            ("ARGON2_PASSES", TRIFLE.passes.to_string()),
            ("ARGON2_ALLOW_WEAK", "true".to_owned()),
        ]
    }

    /// How the world's own programs reach its servers.
    pub fn servers(&self) -> (db::Options, broker::Options, storage::Options) {
        let database = database_options(&database_url("DATABASE_URL", &self.name));
        (
            database,
            broker_options(&self.name, self.shards),
            storage_options(),
        )
    }

    /// A worker's tools, for tests that run a step by hand.
    pub fn tools(&self) -> Tools {
        Tools {
            db: Db::new(&database_options(&database_url("DATABASE_URL", &self.name))).expect("a URL"),
            storage: self.storage.clone(),
            hasher: Hasher::start(TRIFLE, 2, Choice::Auto)
                .expect("hashing threads")
                .into(),
            seals: variable("SEAL_KEYS").parse().expect("seal keys"),
            shards: self.shards,
            limits: Limits::default(),
            batch_rows: 25,
            metrics: Metrics::new("test").expect("metrics"),
        }
    }

    /// A new tenant.
    pub async fn tenant(&self) -> Tenant {
        let id = self.next_tenant.fetch_add(1, Ordering::Relaxed);
        for statement in [
            "INSERT INTO dialer.tenants (tenant_id, name, extension_first, extension_last) VALUES ($1, 'Test', '1000', '1999')",
            "INSERT INTO dialer.roles (tenant_id, role_id, name, active)
             VALUES ($1, 10, 'Agent', true), ($1, 11, 'Lead', true), ($1, 12, 'Former', false)",
            "INSERT INTO dialer.desks (tenant_id, desk_id, name) VALUES ($1, 20, 'Sales'), ($1, 21, 'Support')",
            "INSERT INTO dialer.skill_groups (tenant_id, skill_group_id, name) VALUES ($1, 30, 'English'), ($1, 31, 'German')",
            "INSERT INTO dialer.tags (tenant_id, tag_id, name) VALUES ($1, 40, 'new'), ($1, 41, 'old')",
            "INSERT INTO dialer.pbx_domains (tenant_id, pbx_domain_id, domain) VALUES ($1, 50, 'pbx.example.com')",
        ] {
            sqlx::query(statement)
                .bind(id)
                .execute(&self.db)
                .await
                .expect("the tenant is created");
        }
        Tenant {
            id: Id::try_from(id).expect("a positive ID"),
        }
    }

    async fn clear_away(self) {
        self.db.close().await;
        let admin = PgPool::connect(&variable("MIGRATE_DATABASE_URL"))
            .await
            .expect("PostgreSQL");
        eventually("the end of the database", async || {
            // Fails while PostgreSQL's own autovacuum is at work in it, which its owner may not terminate.
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            sqlx::query(AssertSqlSafe(drop)).execute(&admin).await.ok()
        })
        .await;
        admin.close().await;

        let connection = Connection::connect(&variable("AMQP_ADMIN_URL"), ConnectionProperties::default())
            .await
            .expect("the broker");
        let channel = connection.create_channel().await.expect("a channel");
        for (exchanges, queues) in [broker_options(&self.name, self.shards).topology().names()] {
            for queue in queues {
                channel
                    .queue_delete(queue, QueueDeleteOptions::default())
                    .await
                    .expect("a queue is deleted");
            }
            for exchange in exchanges {
                channel
                    .exchange_delete(exchange, ExchangeDeleteOptions::default())
                    .await
                    .expect("an exchange is deleted");
            }
        }
        std::fs::remove_dir_all(&self.scratch).expect("the test's files are deleted");
    }
}

fn random() -> u32 {
    Uuid::new_v4().as_fields().0
}

fn database_url(variable_name: &str, database: &str) -> String {
    let options = PgConnectOptions::from_str(&variable(variable_name)).expect("a database URL");
    sqlx::ConnectOptions::to_url_lossy(&options.database(database)).to_string()
}

fn database_options(url: &str) -> db::Options {
    db::Options {
        database_url: url.parse().expect("any text"),
        database_connections: 4,
    }
}

fn broker_options(name: &str, shards: u16) -> broker::Options {
    broker::Options {
        amqp_url: variable("AMQP_URL").parse().expect("any text"),
        amqp_ca_file: None,
        amqp_prefix: format!("{name}."),
        amqp_shards: shards,
    }
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
