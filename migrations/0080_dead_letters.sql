-- Dead letters are rows: a message that is set aside is written down in the transaction that fails its import. The
-- broker's queue imports.dead only holds what the broker itself sets aside, until a worker moves it here.

CREATE TABLE imports.dead_letters (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    set_aside_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason         text NOT NULL,
    error          text,
    origin         text NOT NULL,
    import_id      uuid,
    tenant_id      bigint,
    attempt        bigint,
    retry_count    bigint NOT NULL CHECK (retry_count >= 0),
    message_id     text,
    size_bytes     bigint NOT NULL,
    body           bytea NOT NULL CHECK (octet_length(body) <= size_bytes),
    fingerprint    bytea NOT NULL,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'discarded')),
    closed_at      timestamptz,
    closed_by      text,
    CHECK ((state = 'open') = (closed_at IS NULL) AND (state = 'open') = (closed_by IS NULL))
);
COMMENT ON TABLE imports.dead_letters IS
    'Messages that were set aside for an operator. No foreign key: a message can name an import that does not exist.';
COMMENT ON COLUMN imports.dead_letters.dead_letter_id IS 'Number of the dead letter, by which operators name it.';
COMMENT ON COLUMN imports.dead_letters.set_aside_at IS 'When it was written here.';
COMMENT ON COLUMN imports.dead_letters.reason IS
    'Why: malformed, import_id_taken, permanent_error, retries_exhausted, kills_workers, messages_lost; or, as delivery_limit, the reason of a broker that set it aside.';
COMMENT ON COLUMN imports.dead_letters.error IS 'The last error.';
COMMENT ON COLUMN imports.dead_letters.origin IS 'Routing key with which it was published, and is again by a replay.';
COMMENT ON COLUMN imports.dead_letters.import_id IS 'The import that it names.';
COMMENT ON COLUMN imports.dead_letters.tenant_id IS 'The tenant that it names; only an import of this tenant is its import.';
COMMENT ON COLUMN imports.dead_letters.attempt IS 'The attempt that it names; a job names none.';
COMMENT ON COLUMN imports.dead_letters.retry_count IS 'How often it had been tried again before.';
COMMENT ON COLUMN imports.dead_letters.message_id IS 'Its ID, if its publisher gave it one.';
COMMENT ON COLUMN imports.dead_letters.size_bytes IS 'Size of the message. If body is shorter, the message was too large to be kept.';
COMMENT ON COLUMN imports.dead_letters.body IS 'The message, or its beginning.';
COMMENT ON COLUMN imports.dead_letters.fingerprint IS
    'SHA-256 of message ID, origin and message: what the broker delivers again does not become a second open dead letter.';
COMMENT ON COLUMN imports.dead_letters.state IS 'open, until an operator replayed or discarded it.';
COMMENT ON COLUMN imports.dead_letters.closed_at IS 'When it was replayed or discarded.';
COMMENT ON COLUMN imports.dead_letters.closed_by IS 'Who did that, as the command was told (--by).';

CREATE UNIQUE INDEX dead_letters_open_fingerprint ON imports.dead_letters (fingerprint) WHERE state = 'open';
CREATE INDEX dead_letters_of_import ON imports.dead_letters (import_id);
CREATE INDEX dead_letters_closed_at ON imports.dead_letters (closed_at) WHERE state <> 'open';

-- A dead letter is added and closed, and never changed otherwise; nobody chooses its number or its time. Operators'
-- commands work with the workers' log-in too, all but a purge.
GRANT SELECT, INSERT (reason, error, origin, import_id, tenant_id, attempt, retry_count, message_id, size_bytes, body,
                      fingerprint),
      UPDATE (state, closed_at, closed_by) ON imports.dead_letters
    TO user_import_worker;
GRANT SELECT, UPDATE (state, closed_at, closed_by), DELETE ON imports.dead_letters TO user_import_operator;
