-- Revokes from the log-ins of workers, operators and console what PostgreSQL grants to everybody and only a superuser
-- can revoke. To be run by a superuser in the database of the imports, after `user-import migrate`:
--
--   psql --set ON_ERROR_STOP=1 --file deploy/lock-down.sql "postgres://postgres@HOST/DATABASE"
--
-- Running it again is harmless. `user-import doctor` says whether it was run.
--
-- The rights to connect to a database and to make temporary tables in it belong to PUBLIC, that is, to everybody. They
-- are revoked from PUBLIC, and granted to every role that can log in now and is not one of ours, so that nothing
-- changes for those.
-- ROLES AND DATABASES THAT ARE MADE LATER need a grant (roles), or this script once more (databases).
-- The functions that create large objects are revoked from PUBLIC: whoever needs them needs a grant.
--
-- PostgreSQL cannot forbid a role to change its own password. If that must be prevented, let pg_hba.conf require
-- something else of the workers' log-in (cert, for instance): then its password is of no use.

BEGIN;

DO $$
DECLARE
    taken  record;
    holder record;
BEGIN
    FOR taken IN
        SELECT datname, privilege FROM pg_database, unnest('{CONNECT,TEMPORARY}'::text[]) privilege WHERE datallowconn
    LOOP
        FOR holder IN
            SELECT rolname FROM pg_roles r
             WHERE rolcanlogin AND NOT rolsuper AND has_database_privilege(r.oid, taken.datname, taken.privilege)
               -- Whoever created our groups is a member of them, but is not one of their log-ins.
               AND (rolcreaterole OR NOT EXISTS (
                   SELECT FROM pg_roles ours WHERE ours.rolname LIKE 'user\_import\_%' AND NOT ours.rolcanlogin
                                               AND pg_has_role(r.oid, ours.oid, 'MEMBER')))
        LOOP
            EXECUTE format('GRANT %s ON DATABASE %I TO %I', taken.privilege, taken.datname, holder.rolname);
        END LOOP;
        EXECUTE format('REVOKE %s ON DATABASE %I FROM PUBLIC', taken.privilege, taken.datname);
    END LOOP;
    FOR holder IN
        SELECT rolname FROM pg_roles, pg_database
         WHERE rolname LIKE 'user\_import\_%' AND NOT rolcanlogin
           AND datname = current_database() AND NOT datistemplate
    LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), holder.rolname);
    END LOOP;
END
$$;

-- Before PostgreSQL 15 everybody could create tables there.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

REVOKE EXECUTE ON FUNCTION pg_catalog.lo_creat(integer), pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea)
    FROM PUBLIC;

COMMIT;
