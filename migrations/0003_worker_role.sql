-- The worker's role: it owns nothing, changes no schema, and can do only what an import needs. Log-in roles are made
-- by whoever runs the database, and become members: GRANT user_import_worker TO ….

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_import_worker') THEN
        CREATE ROLE user_import_worker NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: a migration of another database may have been quicker.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA dialer, imports TO user_import_worker;
GRANT SELECT ON dialer.tenants, dialer.roles, dialer.desks, dialer.skill_groups, dialer.tags, dialer.pbx_domains
    TO user_import_worker;
-- What uniqueness is decided by, and no more: above all no password hash.
GRANT SELECT (user_id, tenant_id, username_key, email_key, virtual_extension, idempotency_key) ON dialer.users
    TO user_import_worker;
GRANT INSERT ON dialer.users, dialer.user_roles, dialer.user_desks, dialer.user_skill_groups, dialer.user_tags
    TO user_import_worker;
GRANT SELECT, INSERT, UPDATE ON imports.imports, imports.rows TO user_import_worker;
