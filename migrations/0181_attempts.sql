-- What became of each attempt of an import, so that one event leads to all passwords; and since when an import waits.

CREATE TABLE imports.attempts (
    import_id   uuid NOT NULL,
    tenant_id   bigint NOT NULL,
    attempt     integer NOT NULL CHECK (attempt > 0),
    state       text NOT NULL,
    created     integer NOT NULL CHECK (created >= 0),
    success_key text,
    errors_key  text,
    finished_at timestamptz,
    PRIMARY KEY (import_id, attempt),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports.imports (tenant_id, import_id) ON DELETE CASCADE
);
COMMENT ON TABLE imports.attempts IS 'The attempts of an import that have come to their end.';
COMMENT ON COLUMN imports.attempts.import_id IS 'The import.';
COMMENT ON COLUMN imports.attempts.tenant_id IS 'Its tenant.';
COMMENT ON COLUMN imports.attempts.attempt IS '1 for the first run, one more for each replay.';
COMMENT ON COLUMN imports.attempts.state IS 'The state that it ended in.';
COMMENT ON COLUMN imports.attempts.created IS
    'Rows that became users in it, and stand in its success CSV. The users of an attempt that failed pass to the next one.';
COMMENT ON COLUMN imports.attempts.success_key IS 'Object key of its success CSV; NULL if it wrote no reports.';
COMMENT ON COLUMN imports.attempts.errors_key IS 'Object key of its error CSV.';
COMMENT ON COLUMN imports.attempts.finished_at IS 'When it ended; NULL if that was before this was kept.';

-- In the database, because a worker of an earlier release must not forget it.
CREATE FUNCTION imports.keep_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO imports.attempts (import_id, tenant_id, attempt, state, created, success_key, errors_key, finished_at)
    SELECT NEW.import_id, NEW.tenant_id, NEW.attempt, NEW.state, count(*), NEW.success_key, NEW.errors_key, NEW.finished_at
      FROM imports.rows r
     WHERE r.import_id = NEW.import_id AND r.attempt = NEW.attempt AND r.outcome = 'created'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.keep_attempt() IS 'Writes down how an attempt ended.';
CREATE TRIGGER imports_keep_attempt AFTER UPDATE ON imports.imports
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL)
    EXECUTE FUNCTION imports.keep_attempt();

-- Attempts of the past: the last one as it stands; of earlier ones those that made users, whose passwords are in their reports.
INSERT INTO imports.attempts (import_id, tenant_id, attempt, state, created, success_key, errors_key, finished_at)
SELECT i.import_id, i.tenant_id, i.attempt, i.state,
       (SELECT count(*) FROM imports.rows r
         WHERE r.import_id = i.import_id AND r.attempt = i.attempt AND r.outcome = 'created'),
       i.success_key, i.errors_key, i.finished_at
  FROM imports.imports i
 WHERE i.finished_at IS NOT NULL
UNION ALL
SELECT i.import_id, i.tenant_id, r.attempt, 'completed', count(*),
       format('tenants/%s/imports/%s/attempt-%s/success.csv', i.tenant_id, i.import_id, r.attempt),
       format('tenants/%s/imports/%s/attempt-%s/errors.csv', i.tenant_id, i.import_id, r.attempt),
       NULL
  FROM imports.imports i
  JOIN imports.rows r ON r.import_id = i.import_id AND r.attempt < i.attempt AND r.outcome = 'created'
 GROUP BY i.import_id, i.tenant_id, r.attempt;

-- Written by the trigger, never changed; gone with the import.
GRANT SELECT, INSERT ON imports.attempts TO user_import_worker, user_import_operator;

ALTER TABLE imports.imports ADD COLUMN delayed_since timestamptz;
COMMENT ON COLUMN imports.imports.delayed_since IS
    'Since when its messages have been tried again without progress; NULL if they are not.';

CREATE OR REPLACE FUNCTION imports.note_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Not now(), which is when the transaction began: it may have waited long for its tenant's lock.
    NEW.progress_at := clock_timestamp();
    NEW.sweeps := 0;
    NEW.delayed_since := NULL;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION imports.note_progress() IS 'Keeps imports.progress_at, imports.sweeps and imports.delayed_since.';
