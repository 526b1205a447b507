-- What batches have done, and when: the pace of the workers at this moment, each tenant's share of it, and where an import
-- stood still are seen in it. Written by a trigger, so that workers of every release write it.

-- A large table is indexed for longer than a statement may otherwise take.
SET LOCAL statement_timeout = 0;

ALTER TABLE imports.history
    ADD COLUMN rows integer CHECK (rows > 0),
    DROP CONSTRAINT history_event_check,
    -- What is there was held against the old one, which allowed less.
    ADD CONSTRAINT history_event_check
        CHECK (event IN ('received', 'planned', 'batch', 'retried', 'rescued', 'reopened', 'finished')) NOT VALID;
COMMENT ON COLUMN imports.history.rows IS 'batch: how many rows got their outcome.';
COMMENT ON COLUMN imports.history.event IS
    'received: a worker took the job. planned: all rows were validated. batch: rows got their outcome, within ten seconds. retried: a message was put off after an error. rescued: its job was published again because its messages were lost. reopened: an operator began a new attempt. finished: the state became final.';

CREATE INDEX history_of_batches ON imports.history (at) WHERE event = 'batch';

CREATE FUNCTION imports.write_batch() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- One entry for all of ten seconds: an import of very many small batches needs no more to be understood.
    UPDATE imports.history SET rows = rows + OLD.pending - NEW.pending
     WHERE history_id = (SELECT max(history_id) FROM imports.history WHERE import_id = NEW.import_id)
       AND event = 'batch' AND attempt = NEW.attempt AND at > clock_timestamp() - interval '10 seconds';
    IF NOT FOUND THEN
        INSERT INTO imports.history (import_id, attempt, event, rows)
        VALUES (NEW.import_id, NEW.attempt, 'batch', OLD.pending - NEW.pending);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION imports.write_batch() IS 'Writes the batches into imports.history.';

-- Rows that a cancel leaves undone are no batch.
CREATE TRIGGER write_batch AFTER UPDATE OF pending ON imports.imports
    FOR EACH ROW WHEN (NEW.pending < OLD.pending AND NEW.cancelled = OLD.cancelled AND NEW.attempt = OLD.attempt)
    EXECUTE FUNCTION imports.write_batch();

-- Answers to refused jobs are found by a purge among all events.
CREATE INDEX told_refusals ON imports.told_events (event_id) WHERE event ->> 'type' = 'dialer.import.refused';
