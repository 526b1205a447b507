//! Holds an import in its middle, however slow the test and however fast the worker.

use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::{Tenant, World, eventually};

/// An advisory lock that steps wait for until it is opened.
#[derive(Debug)]
pub struct Gate {
    keeper: Transaction<'static, Postgres>,
    pid: i32,
}

impl Gate {
    /// Lets no batch create users once there are this many.
    pub async fn after(world: &World, users: u32) -> Self {
        let trigger = format!(
            "CREATE FUNCTION dialer.wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF (SELECT count(*) FROM dialer.users) >= {users} THEN
                     PERFORM pg_advisory_xact_lock_shared(hashtextextended('gate', 0));
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER gate BEFORE INSERT ON dialer.users EXECUTE FUNCTION dialer.wait_at_the_gate();"
        );
        let created = sqlx::raw_sql(AssertSqlSafe(trigger)).execute(&world.db).await;
        created.expect("the trigger");
        Self::of_lock(world, "gate").await
    }

    /// Lets no step take the tenant's lock.
    pub async fn before_tenant(world: &World, tenant: Tenant) -> Self {
        Self::of_lock(world, &format!("user-import tenant {}", tenant.id)).await
    }

    /// Holds the advisory lock of this name.
    pub async fn of_lock(world: &World, name: &str) -> Self {
        let mut keeper = world.db.begin().await.expect("a transaction");
        let taken =
            sqlx::query_scalar("SELECT pg_backend_pid() FROM pg_advisory_xact_lock(hashtextextended($1, 0))");
        let pid = taken.bind(name).fetch_one(&mut *keeper).await.expect("the lock");
        Self { keeper, pid }
    }

    /// Waits until a step waits.
    pub async fn reached(&self, world: &World) {
        eventually("a step that waits", async || {
            let waiting = sqlx::query_scalar(
                "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))",
            );
            let waiting = waiting.bind(self.pid).fetch_one(&world.db).await;
            let waiting: bool = waiting.expect("the sessions");
            waiting.then_some(())
        })
        .await;
    }

    /// Lets everybody through.
    pub async fn open(self) {
        self.keeper.rollback().await.expect("the lock is released");
    }
}
