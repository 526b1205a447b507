-- The key of an e-mail address must not depend on the locale of the database: with a Turkish one, lower('IRIS@…') is not
-- 'iris@…', and both addresses would be let in. Addresses are ASCII, so the locale "C" is enough. An expression cannot be
-- changed before PostgreSQL 17: the column is made anew.
--
-- Fails where two users of a tenant have addresses that differ in case only: one of them must be given another first.

-- Locks the users while the column and its index are built, about two seconds for each million of them.
SET LOCAL statement_timeout = 0;

ALTER TABLE dialer.users
    DROP COLUMN email_key,
    ADD COLUMN email_key text NOT NULL GENERATED ALWAYS AS (lower(email COLLATE "C")) STORED,
    ADD CONSTRAINT users_email UNIQUE (email_key, tenant_id);
COMMENT ON COLUMN dialer.users.email_key IS
    'E-mail address in lower case, whatever the database''s locale: what makes it unique in the tenant.';

-- The rights on the column went with it.
GRANT SELECT (email_key) ON dialer.users TO user_import_worker, user_import_operator;
