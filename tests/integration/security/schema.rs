//! The database explains itself, and the worker's role can do no more than an import needs.

use kit::{World, in_world};
use sqlx::{Connection, PgConnection, PgPool};

#[tokio::test(flavor = "multi_thread")]
async fn every_table_and_column_has_a_comment() {
    in_world(async |world| {
        let silent: Vec<String> = world
            .values(
                "SELECT format('%s.%s', c.oid::regclass, a.attname)
               FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace
               LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
              WHERE n.nspname IN ('dialer', 'imports') AND c.relkind IN ('r', 'v')
                AND (obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)",
            )
            .await;
        assert_eq!(silent, Vec::<String>::new());
    })
    .await;
}

/// The log-in of this variable may do none of this.
async fn refused(world: &World, variable: &str, statements: &[&'static str]) {
    let mut connection = PgConnection::connect(&world.variable(variable)).await.unwrap();
    for statement in statements {
        let error = sqlx::query(*statement)
            .execute(&mut connection)
            .await
            .unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code());
        assert_eq!(code.as_deref(), Some("42501"), "{variable}: {statement}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_can_neither_change_the_schema_nor_read_hashes_nor_delete() {
    in_world(async |world| {
        let statements = [
            "CREATE TABLE imports.mine ()",
            "CREATE SCHEMA mine",
            "ALTER TABLE dialer.users ADD COLUMN x text",
            "SELECT password_hash FROM dialer.users",
            "UPDATE dialer.users SET password_hash = '$argon2id$x'",
            "DELETE FROM dialer.users",
            "DELETE FROM imports.imports",
            "TRUNCATE imports.rows",
            "DELETE FROM imports.dead_letters",
            "UPDATE imports.dead_letters SET body = ''",
            "INSERT INTO dialer.tenants (tenant_id, name) VALUES (1, 'x')",
            "UPDATE dialer.roles SET active = true",
        ];
        refused(world, "DATABASE_URL", &statements).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_cannot_cross_tenants() {
    in_world(async |world| {
        let (one, two) = (world.tenant().await, world.tenant().await);
        sqlx::query("DELETE FROM dialer.roles WHERE tenant_id = $1")
            .bind(two.id.get())
            .execute(&world.db)
            .await
            .unwrap();
        let user = world.user(two, "a", "a@x.org", "10").await;
        for tenant in [one, two] {
            let crossing = sqlx::query(
                "INSERT INTO dialer.user_roles (tenant_id, user_id, role_id) VALUES ($1, $2, 10)",
            )
            .bind(tenant.id.get())
            .bind(user)
            .execute(&world.db)
            .await;
            let error = crossing.unwrap_err();
            assert_eq!(
                error
                    .as_database_error()
                    .and_then(|error| error.code())
                    .as_deref(),
                Some("23503")
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn effective_two_factor_is_the_users_else_the_strictest_roles_else_the_tenants() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        world.execute("UPDATE dialer.tenants SET two_factor = 'email';
             INSERT INTO dialer.roles (tenant_id, role_id, name, two_factor)
             SELECT tenant_id, id, 'r', setting FROM dialer.tenants,
                    (VALUES (1, NULL), (2, 'disabled'), (3, 'email'), (4, 'google')) AS r (id, setting);").await;
        let cases: [(Option<&str>, &[i64], &str); 7] = [
            (None, &[1], "email"),
            (None, &[2], "disabled"),
            (None, &[1, 2], "disabled"),
            (None, &[2, 3], "email"),
            (None, &[3, 4, 2], "google"),
            (Some("disabled"), &[4], "disabled"),
            (Some("google"), &[1], "google"),
        ];
        for (n, (own, roles, expected)) in cases.into_iter().enumerate() {
            let effective: String = sqlx::query_scalar(
                "WITH u AS (
                     INSERT INTO dialer.users (tenant_id, username, username_key, email, virtual_extension, sip_kind,
                                               two_factor, password_hash)
                     VALUES ($1, $2, $2, $2 || '@x.org', $3, 'webrtc', $4, '$argon2id$x') RETURNING user_id
                 ) INSERT INTO dialer.user_roles SELECT $1, user_id, unnest($5::bigint[]) FROM u
                   RETURNING user_id::text",
            )
            .bind(tenant.id.get())
            .bind(format!("u{n}"))
            .bind(format!("{}", 100 + n))
            .bind(own)
            .bind(roles)
            .fetch_one(&world.db)
            .await
            .unwrap();
            let shown: String =
                sqlx::query_scalar("SELECT two_factor FROM dialer.effective_two_factor WHERE user_id::text = $1")
                    .bind(effective)
                    .fetch_one(&world.db)
                    .await
                    .unwrap();
            assert_eq!(shown, expected, "{own:?} {roles:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_can_be_added_to_and_not_changed() {
    in_world(async |world| {
        for variable in ["DATABASE_URL", "OPERATOR_DATABASE_URL"] {
            let pool = PgPool::connect(&world.variable(variable)).await.unwrap();
            sqlx::query("INSERT INTO imports.audit (operator, command) VALUES ('o', 'c')")
                .execute(&pool)
                .await
                .unwrap();
            pool.close().await;
            let statements = [
                "UPDATE imports.audit SET operator = 'x'",
                "DELETE FROM imports.audit",
                "INSERT INTO imports.audit (operator, command, at) VALUES ('o', 'c', now())",
                "INSERT INTO imports.audit (operator, command, database_role) VALUES ('o', 'c', 'x')",
                "INSERT INTO dialer.tenants (tenant_id, name) VALUES (1, 'x')",
                "DELETE FROM dialer.users",
                "SELECT password_hash FROM dialer.users",
            ];
            refused(world, variable, &statements).await;
        }
    })
    .await;
}
