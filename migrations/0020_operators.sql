-- What operators' commands need: which attempt a seed was sealed for, what a purge has removed, and the audit trail.

ALTER TABLE imports.imports
    ADD COLUMN seed_attempt      integer,
    ADD COLUMN success_purged_at timestamptz,
    ADD COLUMN rows_purged_at    timestamptz;
COMMENT ON COLUMN imports.imports.seed_attempt IS
    'The attempt that the seed was sealed for; NULL is the import''s own. A replay of a failed attempt keeps the seed, because users may have been created whose passwords nobody has yet.';
COMMENT ON COLUMN imports.imports.success_purged_at IS 'When a purge deleted the success CSVs.';
COMMENT ON COLUMN imports.imports.rows_purged_at IS 'When a purge deleted the rows and the error CSVs.';

CREATE INDEX imports_received_at ON imports.imports (received_at);

CREATE TABLE imports.audit (
    audit_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            timestamptz NOT NULL DEFAULT now(),
    database_role text NOT NULL DEFAULT session_user,
    operator      text NOT NULL,
    command       text NOT NULL,
    reason        text,
    tenant_id     bigint,
    import_id     uuid,
    details       jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE imports.audit IS
    'Every change that an operator made with user-import. No foreign key: an entry outlives the import that it is about.';
COMMENT ON COLUMN imports.audit.audit_id IS 'Number of the entry.';
COMMENT ON COLUMN imports.audit.at IS 'When the change was made.';
COMMENT ON COLUMN imports.audit.database_role IS 'The role that the database knows the operator by.';
COMMENT ON COLUMN imports.audit.operator IS 'Who made it, as the command was told (--by).';
COMMENT ON COLUMN imports.audit.command IS 'The command.';
COMMENT ON COLUMN imports.audit.reason IS 'Why, as the command was told (--reason).';
COMMENT ON COLUMN imports.audit.tenant_id IS 'The tenant concerned, if it is one.';
COMMENT ON COLUMN imports.audit.import_id IS 'The import concerned, if it is one.';
COMMENT ON COLUMN imports.audit.details IS 'What was changed: counts and identifiers, nothing personal.';

CREATE INDEX audit_of_import ON imports.audit (import_id);

-- Operators' role: what their commands do and no more; no users, no job of their own making. Log-in roles are made by
-- whoever runs the database, and become members: GRANT user_import_operator TO ….
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_import_operator') THEN
        CREATE ROLE user_import_operator NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: a migration of another database may have been quicker.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA dialer, imports TO user_import_operator;
-- A replay validates rows again, against what the tenant has.
GRANT SELECT ON dialer.tenants, dialer.roles, dialer.desks, dialer.skill_groups, dialer.tags, dialer.pbx_domains
    TO user_import_operator;
GRANT SELECT (user_id, tenant_id, username_key, email_key, virtual_extension, idempotency_key) ON dialer.users
    TO user_import_operator;
GRANT SELECT, UPDATE, DELETE ON imports.imports, imports.rows TO user_import_operator;

-- Entries are added, never changed or removed, and nobody chooses their time or their database role. The worker's role
-- may add them too, so that everything but a purge works with the worker's own DATABASE_URL.
GRANT SELECT, INSERT (operator, command, reason, tenant_id, import_id, details) ON imports.audit
    TO user_import_worker, user_import_operator;

-- `doctor` compares the schema's version with the program's. The table is there when the program migrates; whoever
-- runs these files by other means has none.
DO $$
BEGIN
    IF to_regclass('_sqlx_migrations') IS NOT NULL THEN
        GRANT SELECT ON _sqlx_migrations TO user_import_worker, user_import_operator;
    END IF;
END
$$;
