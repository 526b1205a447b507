-- Roles and database, made once by a superuser; harmless when run again. `user-import migrate` makes the tables, and
-- grants the groups what they may do with them.
--
--     OWNER_PASSWORD=… WORKER_PASSWORD=… OPERATOR_PASSWORD=… [CONSOLE_PASSWORD=…] psql --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql
--
-- | log-in            | variable of user-import | rights                                                  |
-- | user_import_owner | MIGRATE_DATABASE_URL    | owns the database: only for `migrate`                   |
-- | user_import_app   | DATABASE_URL            | those of user_import_worker: what an import needs       |
-- | user_import_ops   | OPERATOR_DATABASE_URL   | those of user_import_operator: also what `purge` needs  |
-- | user_import_web   | DATABASE_URL of console | those of user_import_console; made if its password is given |
--
-- The Dialer's own log-in may be given user_import_reader: deploy/INTEGRATION.md. Run this again before `migrate` of a new release:
-- the owner may not create roles.

\getenv owner_password OWNER_PASSWORD
\getenv worker_password WORKER_PASSWORD
\getenv operator_password OPERATOR_PASSWORD
\getenv console_password CONSOLE_PASSWORD

SELECT format('CREATE ROLE %I NOLOGIN', name)
  FROM (VALUES ('user_import_worker'), ('user_import_operator'), ('user_import_console'), ('user_import_reader')) AS wanted (name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', name, password)
  FROM (VALUES ('user_import_owner', :'owner_password'),
               ('user_import_app', :'worker_password'),
               ('user_import_ops', :'operator_password')) AS wanted (name, password)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

\if :{?console_password}
SELECT format('CREATE ROLE user_import_web LOGIN PASSWORD %L', :'console_password')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_import_web') \gexec
GRANT user_import_console TO user_import_web;
\endif

GRANT user_import_worker TO user_import_app;
GRANT user_import_operator TO user_import_ops;

SELECT 'CREATE DATABASE user_import OWNER user_import_owner ENCODING ''UTF8'' TEMPLATE template0'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'user_import') \gexec
-- Nobody else has any business in it.
REVOKE ALL ON DATABASE user_import FROM PUBLIC;
GRANT CONNECT ON DATABASE user_import TO user_import_worker, user_import_operator, user_import_console, user_import_reader;
