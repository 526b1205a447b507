-- What the console keeps: sessions, what was revoked, and files that administrators are about to import. And its role.

CREATE SCHEMA console;
COMMENT ON SCHEMA console IS 'State of the web console. Imports themselves are in schema imports.';

CREATE TABLE console.sessions (
    session_hash    bytea PRIMARY KEY CHECK (octet_length(session_hash) = 32),
    token_hash      bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    subject         text NOT NULL,
    key_id          text NOT NULL,
    tenant_id       bigint,
    operator_access text CHECK (operator_access IN ('read', 'act')),
    issued_at       timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    CONSTRAINT sessions_role CHECK ((tenant_id IS NULL) <> (operator_access IS NULL))
);
COMMENT ON TABLE console.sessions IS 'Who has exchanged a token for a cookie.';
COMMENT ON COLUMN console.sessions.session_hash IS 'SHA-256 of the cookie: whoever reads this table cannot use it.';
COMMENT ON COLUMN console.sessions.token_hash IS 'SHA-256 of the token. Logging out ends the token too.';
COMMENT ON COLUMN console.sessions.subject IS 'Who, as the token said (sub).';
COMMENT ON COLUMN console.sessions.key_id IS 'The key that signed the token (kid).';
COMMENT ON COLUMN console.sessions.tenant_id IS 'The tenant of an administrator.';
COMMENT ON COLUMN console.sessions.operator_access IS 'What an operator may do.';
COMMENT ON COLUMN console.sessions.issued_at IS 'When the token was made (iat), if it said so.';
COMMENT ON COLUMN console.sessions.created_at IS 'When it was exchanged.';
COMMENT ON COLUMN console.sessions.expires_at IS 'When the token expires, and the session with it.';
COMMENT ON COLUMN console.sessions.ended_at IS 'When its owner logged out.';

CREATE INDEX sessions_of_token ON console.sessions (token_hash);
CREATE INDEX sessions_expires_at ON console.sessions (expires_at);

CREATE TABLE console.revocations (
    revocation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject       text,
    key_id        text,
    revoked_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT revocations_one CHECK ((subject IS NULL) <> (key_id IS NULL))
);
COMMENT ON TABLE console.revocations IS 'Tokens and sessions that are not accepted any more, by person or by key.';
COMMENT ON COLUMN console.revocations.revocation_id IS 'Number of the revocation.';
COMMENT ON COLUMN console.revocations.subject IS 'Tokens of this person that were made before revoked_at, or do not say when.';
COMMENT ON COLUMN console.revocations.key_id IS 'All tokens that this key signed.';
COMMENT ON COLUMN console.revocations.revoked_at IS 'When.';

CREATE INDEX revocations_subject ON console.revocations (subject);
CREATE INDEX revocations_key_id ON console.revocations (key_id);

CREATE TABLE console.uploads (
    upload_id   uuid PRIMARY KEY,
    tenant_id   bigint NOT NULL,
    uploaded_by text NOT NULL,
    file_name   text NOT NULL,
    source_key  text NOT NULL,
    etag        text,
    size_bytes  bigint NOT NULL CHECK (size_bytes >= 0),
    choices     jsonb NOT NULL DEFAULT '{}',
    check_id    uuid,
    import_id   uuid,
    corrects    uuid,
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE console.uploads IS 'Files that were uploaded by the console, and what was chosen for them so far.';
COMMENT ON COLUMN console.uploads.upload_id IS 'Chosen by the console.';
COMMENT ON COLUMN console.uploads.tenant_id IS 'Owner.';
COMMENT ON COLUMN console.uploads.uploaded_by IS 'Who uploaded the file.';
COMMENT ON COLUMN console.uploads.file_name IS 'Its name on the computer that it came from.';
COMMENT ON COLUMN console.uploads.source_key IS 'Object key of the file as it stands: a correction writes another object.';
COMMENT ON COLUMN console.uploads.etag IS 'ETag of that object.';
COMMENT ON COLUMN console.uploads.size_bytes IS 'Its size.';
COMMENT ON COLUMN console.uploads.choices IS 'What was chosen in the mapping step, finished or not.';
COMMENT ON COLUMN console.uploads.check_id IS 'The last import in mode validate that was made of it.';
COMMENT ON COLUMN console.uploads.import_id IS 'The import that was made of it; from then on nothing of it changes.';
COMMENT ON COLUMN console.uploads.corrects IS 'The import whose refused rows the file holds.';
COMMENT ON COLUMN console.uploads.created_at IS 'When the file was uploaded.';
COMMENT ON COLUMN console.uploads.changed_at IS 'When anything of it last changed.';

CREATE INDEX uploads_of_tenant ON console.uploads (tenant_id, changed_at);
CREATE INDEX uploads_changed_at ON console.uploads (changed_at);
CREATE INDEX uploads_import ON console.uploads (import_id);

CREATE TABLE console.mappings (
    tenant_id  bigint NOT NULL,
    header     bytea NOT NULL CHECK (octet_length(header) = 32),
    choices    jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, header)
);
COMMENT ON TABLE console.mappings IS 'What a tenant last chose for files with the same header; offered the next time.';
COMMENT ON COLUMN console.mappings.tenant_id IS 'Owner.';
COMMENT ON COLUMN console.mappings.header IS 'SHA-256 of the normalised names of the columns.';
COMMENT ON COLUMN console.mappings.choices IS 'As in console.uploads.';
COMMENT ON COLUMN console.mappings.changed_at IS 'When it was last used for an import.';

-- The console's role: what its pages show, what operators may change by them, and its own state. No jobs and no users
-- of its own making, and no password hashes. Log-in roles are made by whoever runs the database, and become members:
-- GRANT user_import_console TO ….
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_import_console') THEN
        CREATE ROLE user_import_console NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: a migration of another database may have been quicker.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA dialer, imports, console TO user_import_console;
GRANT SELECT ON dialer.tenants, dialer.roles, dialer.desks, dialer.skill_groups, dialer.tags, dialer.pbx_domains,
                dialer.user_roles TO user_import_console;
GRANT SELECT (user_id, tenant_id, username, username_key, email, email_key, virtual_extension, first_name, last_name,
              sip_kind, created_at, idempotency_key) ON dialer.users TO user_import_console;
GRANT SELECT, UPDATE ON imports.imports, imports.rows TO user_import_console;
GRANT SELECT, INSERT (operator, command, reason, tenant_id, import_id, details) ON imports.audit TO user_import_console;
GRANT SELECT, UPDATE (state, closed_at, closed_by) ON imports.dead_letters TO user_import_console;
GRANT SELECT, INSERT, DELETE ON console.sessions TO user_import_console;
GRANT UPDATE (ended_at) ON console.sessions TO user_import_console;
GRANT SELECT ON console.revocations TO user_import_console;
GRANT SELECT, INSERT, UPDATE, DELETE ON console.uploads, console.mappings TO user_import_console;

-- Operators revoke.
GRANT USAGE ON SCHEMA console TO user_import_operator;
GRANT SELECT, INSERT (subject, key_id) ON console.revocations TO user_import_operator;

DO $$
BEGIN
    IF to_regclass('_sqlx_migrations') IS NOT NULL THEN
        GRANT SELECT ON _sqlx_migrations TO user_import_console;
    END IF;
END
$$;
