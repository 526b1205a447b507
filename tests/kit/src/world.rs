//! A database, exchanges, queues and tenants that belong to one test alone, so that tests run side by side.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::atomic::{AtomicI64, Ordering},
};

use futures::FutureExt;
use shared::contract::Id;
use sqlx::{AssertSqlSafe, PgPool, Postgres, postgres::PgRow};
use uuid::Uuid;
use worker::{broker, db::Db, storage::Storage};

use crate::{
    Dialer, Queues, eventually,
    servers::{broker_options, database_options, database_url, storage, variable},
};

/// Few shards, because each is a replicated queue that costs the broker something.
const SHARDS: u16 = 2;

/// Runs a test in a world of its own and removes the world, however the test ends.
pub async fn in_world(test: impl AsyncFnOnce(&World)) {
    in_world_of(SHARDS, test).await;
}

/// The same with this many shards.
pub async fn in_world_of(shards: u16, test: impl AsyncFnOnce(&World)) {
    let world = World::create(shards).await;
    let ended = AssertUnwindSafe(async {
        test(&world).await;
        // Whatever the test looked at: every event is what the contract promises.
        assert_eq!(world.dialer.breaches(), Vec::<String>::new());
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
    pub(crate) name: String,
    pub(crate) shards: u16,
    scratch: PathBuf,
    /// The world's database, as its owner.
    pub db: PgPool,
    pub(crate) storage: Storage,
    /// The Dialer that the world's imports belong to.
    pub dialer: Dialer,
    /// Its exchanges and queues, as their owner.
    pub queues: Queues,
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
        let admin = admin().await;
        create_database(&admin, &name).await;
        admin.close().await;

        let owner = database_url("MIGRATE_DATABASE_URL", &name);
        Db::new(&database_options(&owner))
            .expect("a URL")
            .migrate()
            .await
            .expect("the migrations run");
        let prefix = format!("{name}.");
        let broker = broker_options(prefix.clone(), shards);
        broker::declare(&broker).await.expect("the topology is declared");
        let scratch = std::env::temp_dir().join(format!("user-import-{name}"));
        std::fs::create_dir(&scratch).expect("a folder for the test's files");
        Self {
            shards,
            scratch,
            db: PgPool::connect(&owner).await.expect("the database"),
            storage: storage(),
            dialer: Dialer::connect(variable("DIALER_AMQP_URL"), &prefix),
            queues: Queues::connect(broker.topology()).await.expect("the broker"),
            // Tenants of all tests share the bucket, so no two may have the same ID.
            next_tenant: AtomicI64::new(i64::from(random()) << 16 | 1),
            name,
        }
    }

    /// What is put before the names of exchanges and queues.
    pub fn prefix(&self) -> String {
        format!("{}.", self.name)
    }

    /// A folder for the test's files.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Writes a file into that folder.
    pub fn scratch_file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.scratch.join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
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

    /// Creates a user by hand, as an administrator does while an import runs; returns its ID.
    pub async fn user(&self, tenant: Tenant, username: &str, email: &str, virtual_extension: &str) -> i64 {
        sqlx::query_scalar(
            "INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, sip_kind, password_hash)
             VALUES ($1, $2, lower($2), $3, $4, 'webrtc', '$argon2id$x') RETURNING user_id",
        )
        .bind(tenant.id.get())
        .bind(username)
        .bind(email)
        .bind(virtual_extension)
        .fetch_one(&self.db)
        .await
        .expect("the user is created")
    }

    /// The one value that a query finds.
    pub async fn value<T>(&self, query: &'static str) -> T
    where
        T: Send + Unpin,
        (T,): for<'row> sqlx::FromRow<'row, PgRow>,
    {
        sqlx::query_scalar(query).fetch_one(&self.db).await.expect(query)
    }

    /// All values of the one column that a query finds.
    pub async fn values<T>(&self, query: &'static str) -> Vec<T>
    where
        T: Send + Unpin,
        (T,): for<'row> sqlx::FromRow<'row, PgRow>,
    {
        let values = sqlx::query_scalar(query).fetch_all(&self.db).await;
        values.expect(query)
    }

    /// All rows that a query finds.
    pub async fn rows<T>(&self, query: &'static str) -> Vec<T>
    where
        T: Send + Unpin + for<'row> sqlx::FromRow<'row, PgRow>,
    {
        sqlx::query_as::<Postgres, T>(query)
            .fetch_all(&self.db)
            .await
            .expect(query)
    }

    /// Runs statements as the database's owner; returns how many rows the last one changed.
    pub async fn execute(&self, statements: &'static str) -> u64 {
        let done = sqlx::raw_sql(statements)
            .execute(&self.db)
            .await
            .expect(statements);
        done.rows_affected()
    }

    /// Waits until a query finds `true`.
    pub async fn until(&self, query: &'static str) {
        eventually(query, async || self.value::<bool>(query).await.then_some(())).await;
    }

    /// Waits until there are at least this many users.
    pub async fn until_users(&self, at_least: i64) {
        eventually("users", async || {
            let users: i64 = self.value("SELECT count(*) FROM dialer.users").await;
            (users >= at_least).then_some(())
        })
        .await;
    }

    async fn clear_away(self) {
        self.dialer.stop_listening();
        self.db.close().await;
        let admin = admin().await;
        eventually("the end of the database", async || {
            // Fails while PostgreSQL's own autovacuum is at work in it, which its owner may not terminate.
            let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
            sqlx::query(AssertSqlSafe(drop)).execute(&admin).await.ok()
        })
        .await;
        admin.close().await;
        self.queues
            .delete_all()
            .await
            .expect("exchanges and queues are deleted");
        std::fs::remove_dir_all(&self.scratch).expect("the test's files are deleted");
    }
}

/// Creates a database as deploy/lock-down.sql leaves one, before anybody can see that it is there.
async fn create_database(admin: &PgPool, name: &str) {
    for statement in [
        format!("CREATE DATABASE {name} ALLOW_CONNECTIONS false"),
        format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        format!(
            "DO $$ DECLARE ours name; BEGIN
                 FOR ours IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'user\\_import\\_%' AND NOT rolcanlogin LOOP
                     EXECUTE format('GRANT CONNECT ON DATABASE {name} TO %I', ours);
                 END LOOP; END $$"
        ),
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(admin)
            .await
            .expect("a database");
    }
}

async fn admin() -> PgPool {
    let url = variable("MIGRATE_DATABASE_URL");
    PgPool::connect(&url).await.expect("PostgreSQL")
}

fn random() -> u32 {
    Uuid::new_v4().as_fields().0
}
