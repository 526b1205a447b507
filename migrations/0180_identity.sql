-- An import ID names one import for ever, and an event ID one event: what was purged stays known as purged, and an event is
-- kept as it was first told.

CREATE TABLE imports.purged_imports (
    import_id   uuid PRIMARY KEY,
    tenant_id   bigint NOT NULL,
    attempt     integer NOT NULL CHECK (attempt > 0),
    state       text,
    finished_at timestamptz,
    purged_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE imports.purged_imports IS
    'Imports that were deleted as a whole. Nothing personal: only that there was such an import, so that its ID never names another one.';
COMMENT ON COLUMN imports.purged_imports.import_id IS 'The import.';
COMMENT ON COLUMN imports.purged_imports.tenant_id IS 'Its tenant.';
COMMENT ON COLUMN imports.purged_imports.attempt IS 'Its last attempt.';
COMMENT ON COLUMN imports.purged_imports.state IS 'The state that it ended in; NULL if it was purged before this was kept.';
COMMENT ON COLUMN imports.purged_imports.finished_at IS 'When that was.';
COMMENT ON COLUMN imports.purged_imports.purged_at IS 'When it was deleted.';

-- In the database, because a purge of an earlier release must not forget it.
CREATE FUNCTION imports.keep_purged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO imports.purged_imports (import_id, tenant_id, attempt, state, finished_at)
    VALUES (OLD.import_id, OLD.tenant_id, OLD.attempt, OLD.state, OLD.finished_at);
    -- A job that was refused was no import's.
    DELETE FROM imports.told_events
     WHERE import_id = OLD.import_id AND event ->> 'type' <> 'dialer.import.refused';
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.keep_purged() IS 'Writes down what is deleted from imports.imports, and deletes its events.';
CREATE TRIGGER imports_keep_purged AFTER DELETE ON imports.imports
    FOR EACH ROW EXECUTE FUNCTION imports.keep_purged();

-- After the insertion, which waits for a purge of the same ID that is being committed: before it, that purge is not seen.
CREATE FUNCTION imports.refuse_purged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM imports.purged_imports p WHERE p.import_id = NEW.import_id) THEN
        RAISE unique_violation USING
            MESSAGE = format('the import %s was purged', NEW.import_id),
            CONSTRAINT = 'imports_purged';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.refuse_purged() IS 'Lets no import have the ID of one that was purged.';
CREATE TRIGGER imports_refuse_purged AFTER INSERT ON imports.imports
    FOR EACH ROW EXECUTE FUNCTION imports.refuse_purged();

-- Of purges of the past the audit trail tells. An ID that names a later import already stays that import's.
INSERT INTO imports.purged_imports (import_id, tenant_id, attempt, purged_at)
SELECT DISTINCT ON (a.import_id) a.import_id, a.tenant_id, greatest((a.details->>'attempts')::integer, 1), a.at
  FROM imports.audit a
 WHERE a.details->>'removed' = 'imports' AND a.import_id IS NOT NULL AND a.tenant_id IS NOT NULL
   AND NOT EXISTS (SELECT FROM imports.imports i WHERE i.import_id = a.import_id)
 ORDER BY a.import_id, a.at DESC;

GRANT SELECT ON imports.purged_imports TO user_import_worker, user_import_operator;
-- By the trigger, when a purge deletes an import.
GRANT INSERT ON imports.purged_imports TO user_import_operator;

CREATE TABLE imports.told_events (
    event_id  text PRIMARY KEY,
    import_id uuid NOT NULL,
    event     jsonb NOT NULL
);
COMMENT ON TABLE imports.told_events IS
    'Events that may have to be told again, as they were first made: told again they are the same, whatever was done, purged or upgraded since.';
COMMENT ON COLUMN imports.told_events.event_id IS 'The event.';
COMMENT ON COLUMN imports.told_events.import_id IS 'The import that it is about. No foreign key: a job that is refused has no import.';
COMMENT ON COLUMN imports.told_events.event IS 'The event. It holds no value of a cell.';
CREATE INDEX told_events_of_import ON imports.told_events (import_id);

-- An event is written once, and goes with its import.
GRANT SELECT, INSERT ON imports.told_events TO user_import_worker, user_import_operator;
GRANT DELETE ON imports.told_events TO user_import_operator;
