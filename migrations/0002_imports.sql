-- What the workers own: imports and their rows. The broker only moves work; what is here is the truth.

CREATE SCHEMA imports;
COMMENT ON SCHEMA imports IS 'State of mass user imports.';

CREATE TABLE imports.imports (
    import_id         uuid PRIMARY KEY,
    tenant_id         bigint NOT NULL,
    state             text NOT NULL DEFAULT 'received'
        CHECK (state IN ('received', 'running', 'completed', 'rejected', 'failed', 'cancelled')),
    attempt           integer NOT NULL DEFAULT 1 CHECK (attempt > 0),
    job               jsonb NOT NULL,
    encoding          text,
    delimiter         text,
    source_header     bytea,
    total             integer NOT NULL DEFAULT 0 CHECK (total >= 0),
    pending           integer NOT NULL DEFAULT 0 CHECK (pending >= 0),
    created           integer NOT NULL DEFAULT 0 CHECK (created >= 0),
    duplicates        integer NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    errors            integer NOT NULL DEFAULT 0 CHECK (errors >= 0),
    cancelled         integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
    rejection_code    text,
    rejection_message text,
    failure_reason    text,
    tries             integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    last_error        text,
    sealed_seed       bytea,
    seal_key_id       text,
    success_key       text,
    errors_key        text,
    received_at       timestamptz NOT NULL DEFAULT now(),
    planned_at        timestamptz,
    finished_at       timestamptz,
    CONSTRAINT imports_of_tenant UNIQUE (tenant_id, import_id),
    CONSTRAINT imports_counters CHECK (pending + created + duplicates + errors + cancelled = total),
    CONSTRAINT imports_seed_sealed CHECK ((sealed_seed IS NULL) = (seal_key_id IS NULL)),
    CONSTRAINT imports_seed_destroyed CHECK (
        sealed_seed IS NULL OR state IN ('running', 'failed')
    ),
    CONSTRAINT imports_finished CHECK ((finished_at IS NULL) = (state IN ('received', 'running'))),
    CONSTRAINT imports_rejected CHECK ((rejection_code IS NOT NULL) = (state = 'rejected')),
    CONSTRAINT imports_completed CHECK (state <> 'completed' OR (pending = 0 AND errors_key IS NOT NULL))
);
COMMENT ON TABLE imports.imports IS 'One uploaded file of one tenant.';
COMMENT ON COLUMN imports.imports.import_id IS 'Chosen by the Dialer. The same job published twice is one import.';
COMMENT ON COLUMN imports.imports.tenant_id IS
    'Owner. No foreign key: a job for a tenant that does not exist is kept here too, as rejected.';
COMMENT ON COLUMN imports.imports.state IS
    'received: the job is known. running: all rows are known. The others are final, until an operator replays the import.';
COMMENT ON COLUMN imports.imports.attempt IS '1 for the first run, one more for each replay.';
COMMENT ON COLUMN imports.imports.job IS 'The job as published.';
COMMENT ON COLUMN imports.imports.encoding IS 'Encoding that was taken for the file; NULL until it was read.';
COMMENT ON COLUMN imports.imports.delimiter IS 'Delimiter that was taken for the file.';
COMMENT ON COLUMN imports.imports.source_header IS
    'Names of the source''s columns as a JSON array in UTF-8. bytea, because a name may hold a NUL character, which jsonb cannot.';
COMMENT ON COLUMN imports.imports.total IS 'Rows of the file.';
COMMENT ON COLUMN imports.imports.pending IS 'Rows without an outcome.';
COMMENT ON COLUMN imports.imports.created IS 'Rows that became users; in validate mode: that would have.';
COMMENT ON COLUMN imports.imports.duplicates IS 'Rows whose only problem is that the user is there already.';
COMMENT ON COLUMN imports.imports.errors IS 'Rows that need fixing.';
COMMENT ON COLUMN imports.imports.cancelled IS 'Rows that a cancellation left undone.';
COMMENT ON COLUMN imports.imports.rejection_code IS 'Why the import was rejected as a whole.';
COMMENT ON COLUMN imports.imports.rejection_message IS 'The same in a sentence.';
COMMENT ON COLUMN imports.imports.failure_reason IS 'Why the import failed: the reason of its dead letter.';
COMMENT ON COLUMN imports.imports.tries IS 'How often a message of this import was put off after an error.';
COMMENT ON COLUMN imports.imports.last_error IS 'The last such error.';
COMMENT ON COLUMN imports.imports.sealed_seed IS
    'Seed of the temporary passwords of this attempt, encrypted; destroyed once the success CSV is in storage.';
COMMENT ON COLUMN imports.imports.seal_key_id IS 'Which key of the ring it is sealed with.';
COMMENT ON COLUMN imports.imports.success_key IS 'Object key of the success CSV.';
COMMENT ON COLUMN imports.imports.errors_key IS 'Object key of the error CSV.';
COMMENT ON COLUMN imports.imports.received_at IS 'When a worker first took the job.';
COMMENT ON COLUMN imports.imports.planned_at IS 'When all rows had been validated.';
COMMENT ON COLUMN imports.imports.finished_at IS 'When the state became final.';

CREATE TABLE imports.rows (
    import_id           uuid NOT NULL,
    tenant_id           bigint NOT NULL,
    row_number          integer NOT NULL CHECK (row_number > 0),
    line                integer NOT NULL CHECK (line > 0),
    idempotency_key     uuid NOT NULL,
    outcome             text NOT NULL CHECK (outcome IN ('pending', 'created', 'duplicate', 'error', 'cancelled')),
    attempt             integer NOT NULL CHECK (attempt > 0),
    source_cells        bytea NOT NULL,
    problems            jsonb NOT NULL DEFAULT '[]',
    user_id             bigint,
    username            text,
    username_key        text,
    email               text,
    virtual_extension   text,
    extension_generated boolean,
    first_name          text,
    last_name           text,
    pbx_device          text,
    sip_uri             text,
    role_ids            bigint[],
    desk_ids            bigint[],
    skill_group_ids     bigint[],
    tag_ids             bigint[],
    PRIMARY KEY (import_id, row_number),
    CONSTRAINT rows_idempotency_key UNIQUE (idempotency_key),
    CONSTRAINT rows_import FOREIGN KEY (tenant_id, import_id)
        REFERENCES imports.imports (tenant_id, import_id) ON DELETE CASCADE,
    CONSTRAINT rows_valid CHECK (
        outcome NOT IN ('pending', 'created')
        OR (username IS NOT NULL AND username_key IS NOT NULL AND email IS NOT NULL AND virtual_extension IS NOT NULL
            AND extension_generated IS NOT NULL AND role_ids IS NOT NULL AND desk_ids IS NOT NULL
            AND skill_group_ids IS NOT NULL AND tag_ids IS NOT NULL)
    ),
    CONSTRAINT rows_problems CHECK ((problems <> '[]') = (outcome IN ('duplicate', 'error')))
);
COMMENT ON TABLE imports.rows IS 'One data record of an imported file.';
COMMENT ON COLUMN imports.rows.import_id IS 'The import.';
COMMENT ON COLUMN imports.rows.tenant_id IS 'Its tenant.';
COMMENT ON COLUMN imports.rows.row_number IS 'Number of the record from 1; header and blank records are not counted.';
COMMENT ON COLUMN imports.rows.line IS 'Physical line of the file where the record begins, from 1.';
COMMENT ON COLUMN imports.rows.idempotency_key IS
    'UUID version 5 of the row number in the name space of the import; the user that the row becomes carries it.';
COMMENT ON COLUMN imports.rows.outcome IS 'pending until one of the others is reached.';
COMMENT ON COLUMN imports.rows.attempt IS 'The attempt that validated the row last or created its user.';
COMMENT ON COLUMN imports.rows.source_cells IS
    'The record''s cells as they were, as a JSON array in UTF-8; bytea for the reason given at the header.';
COMMENT ON COLUMN imports.rows.problems IS 'All problems of the row: field, code and sentence.';
COMMENT ON COLUMN imports.rows.user_id IS 'The user that the row became. No foreign key: the Dialer may delete users.';
COMMENT ON COLUMN imports.rows.username IS 'The validated user, as it goes into dialer.users; NULL where the row was refused.';
COMMENT ON COLUMN imports.rows.username_key IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.email IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.virtual_extension IS 'See dialer.users. A generated number is reserved while the row is pending.';
COMMENT ON COLUMN imports.rows.extension_generated IS 'Whether the number was generated, so that another may take its place.';
COMMENT ON COLUMN imports.rows.first_name IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.last_name IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.pbx_device IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.sip_uri IS 'See dialer.users.';
COMMENT ON COLUMN imports.rows.role_ids IS 'Roles of the user.';
COMMENT ON COLUMN imports.rows.desk_ids IS 'Desks of the user.';
COMMENT ON COLUMN imports.rows.skill_group_ids IS 'Skill groups of the user.';
COMMENT ON COLUMN imports.rows.tag_ids IS 'Tags of the user.';

-- Numbers that other running imports have reserved are looked up by tenant.
CREATE INDEX rows_reserved_extension ON imports.rows (tenant_id, virtual_extension) WHERE outcome = 'pending';
