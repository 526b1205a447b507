-- The history of an import, for whoever looks at it later: the import's own row holds only how it stands now. Written by a
-- trigger, so that workers of every release write it.

CREATE TABLE imports.history (
    history_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    import_id  uuid NOT NULL REFERENCES imports.imports ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt    integer NOT NULL,
    event      text NOT NULL CHECK (event IN ('received', 'planned', 'retried', 'rescued', 'reopened', 'finished')),
    details    text
);
COMMENT ON TABLE imports.history IS 'What happened to each import, oldest first; no more than 200 entries of one.';
COMMENT ON COLUMN imports.history.history_id IS 'Number of the entry.';
COMMENT ON COLUMN imports.history.import_id IS 'The import; its history goes when it is purged.';
COMMENT ON COLUMN imports.history.at IS 'When.';
COMMENT ON COLUMN imports.history.attempt IS 'In which attempt.';
COMMENT ON COLUMN imports.history.event IS
    'received: a worker took the job. planned: all rows were validated. retried: a message was put off after an error. rescued: its job was published again because its messages were lost. reopened: an operator began a new attempt. finished: the state became final.';
COMMENT ON COLUMN imports.history.details IS 'The error, or the state; never a cell of the file.';

CREATE INDEX history_of_import ON imports.history (import_id, history_id);

CREATE FUNCTION imports.write_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    what text;
    how  text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        what := 'received';
    ELSIF NEW.attempt > OLD.attempt THEN
        what := 'reopened';
        how := OLD.state;
    ELSIF NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL THEN
        what := 'finished';
        how := concat_ws(': ', NEW.state, coalesce(NEW.rejection_code, NEW.failure_reason));
    ELSIF NEW.planned_at IS NOT NULL AND OLD.planned_at IS NULL THEN
        what := 'planned';
        how := NEW.total || ' rows';
    ELSIF NEW.tries > OLD.tries THEN
        what := 'retried';
        how := left(NEW.last_error, 500);
    ELSIF NEW.sweeps > OLD.sweeps THEN
        what := 'rescued';
    ELSE
        RETURN NULL;
    END IF;
    -- An import that is retried for days needs no more to be understood.
    IF (SELECT count(*) FROM imports.history WHERE import_id = NEW.import_id) < 200 OR what = 'finished' THEN
        INSERT INTO imports.history (import_id, attempt, event, details) VALUES (NEW.import_id, NEW.attempt, what, how);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.write_history() IS 'Writes imports.history.';

CREATE TRIGGER write_history_of_new AFTER INSERT ON imports.imports
    FOR EACH ROW EXECUTE FUNCTION imports.write_history();
CREATE TRIGGER write_history AFTER UPDATE OF attempt, finished_at, planned_at, tries, sweeps ON imports.imports
    FOR EACH ROW
    WHEN (NEW.attempt > OLD.attempt OR (NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL)
          OR (NEW.planned_at IS NOT NULL AND OLD.planned_at IS NULL) OR NEW.tries > OLD.tries OR NEW.sweeps > OLD.sweeps)
    EXECUTE FUNCTION imports.write_history();

GRANT SELECT ON imports.history TO user_import_worker, user_import_operator, user_import_console;
