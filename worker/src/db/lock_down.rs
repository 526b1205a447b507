//! What a log-in of ours may do besides its work: what PostgreSQL gives to everybody, and deploy/lock-down.sql takes
//! away.

use super::{error::Error, pool::Db};

impl Db {
    /// What the log-in may do but does not need, as text; empty if deploy/lock-down.sql was run.
    pub async fn surplus_rights(&self) -> Result<Vec<String>, Error> {
        let rights = sqlx::query_scalar!(
            r#"SELECT may AS "may!" FROM (VALUES
                   ('make temporary tables', has_database_privilege(current_database(), 'TEMPORARY')),
                   ('create schemas', has_database_privilege(current_database(), 'CREATE')),
                   ('create tables in schema public',
                    EXISTS (SELECT FROM pg_namespace
                             WHERE nspname = 'public' AND has_schema_privilege(oid, 'CREATE'))),
                   ('create large objects',
                    has_function_privilege('pg_catalog.lo_creat(integer)', 'EXECUTE')
                    OR has_function_privilege('pg_catalog.lo_create(oid)', 'EXECUTE')
                    OR has_function_privilege('pg_catalog.lo_from_bytea(oid, bytea)', 'EXECUTE')),
                   ('create roles or databases, replicate, or pass row-level security',
                    (SELECT rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
                       FROM pg_roles WHERE rolname = current_user)),
                   ('connect to other databases',
                    EXISTS (SELECT FROM pg_database
                             WHERE datallowconn AND datname <> current_database()
                               AND has_database_privilege(oid, 'CONNECT')))
               ) AS surplus (may, is_so) WHERE is_so"#
        );
        Ok(rights.fetch_all(&mut *self.pool.acquire().await?).await?)
    }
}
