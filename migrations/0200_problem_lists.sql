-- The machine-readable list of problems that an attempt writes beside its error CSV.

ALTER TABLE imports.imports ADD COLUMN problems_key text;
COMMENT ON COLUMN imports.imports.problems_key IS
    'Object key of the list of problems (JSON lines); NULL if there is none, as of attempts of earlier releases.';
ALTER TABLE imports.attempts ADD COLUMN problems_key text;
COMMENT ON COLUMN imports.attempts.problems_key IS
    'Object key of its list of problems (JSON lines); NULL if it wrote none, as of earlier releases.';

CREATE OR REPLACE FUNCTION imports.keep_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO imports.attempts
        (import_id, tenant_id, attempt, state, created, success_key, errors_key, problems_key, finished_at)
    SELECT NEW.import_id, NEW.tenant_id, NEW.attempt, NEW.state, count(*), NEW.success_key, NEW.errors_key,
           CASE WHEN NEW.errors_key IS NOT NULL THEN NEW.problems_key END, NEW.finished_at
      FROM imports.rows r
     WHERE r.import_id = NEW.import_id AND r.attempt = NEW.attempt AND r.outcome = 'created'
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

-- A worker of an earlier release leaves the key of an earlier attempt when it replays an import.
CREATE FUNCTION imports.forget_problems_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.problems_key := NULL;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION imports.forget_problems_key() IS 'A new attempt has no list of problems yet.';
CREATE TRIGGER imports_forget_problems_key BEFORE UPDATE OF attempt ON imports.imports
    FOR EACH ROW WHEN (NEW.attempt <> OLD.attempt)
    EXECUTE FUNCTION imports.forget_problems_key();

CREATE OR REPLACE VIEW imports.attempt_reports AS
SELECT a.import_id, a.tenant_id, a.attempt, a.state, a.created, a.success_key, a.errors_key, a.finished_at, a.problems_key
  FROM imports.attempts a;
COMMENT ON COLUMN imports.attempt_reports.problems_key IS
    'Object key of its list of problems (JSON lines); NULL if it wrote none, as of earlier releases.';
