-- The sweep finds imports whose messages the broker has lost, and nothing else: above all no import that waits behind a
-- backlog. It tells them apart by probes, see imports.probes.

ALTER TABLE imports.imports
    ADD COLUMN progress_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN sweeps      integer NOT NULL DEFAULT 0 CHECK (sweeps >= 0);
COMMENT ON COLUMN imports.imports.progress_at IS
    'When the import last got on; lies in the future while one of its messages is known to wait in a delay queue.';
COMMENT ON COLUMN imports.imports.sweeps IS 'How often its job was published again since then, because its messages were lost.';

-- Whoever moves an import on: the sweep must hear of it.
CREATE FUNCTION imports.note_progress() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Not now(), which is when the transaction began: it may have waited long for its tenant's lock.
    NEW.progress_at := clock_timestamp();
    NEW.sweeps := 0;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION imports.note_progress() IS 'Keeps imports.progress_at and imports.sweeps.';
CREATE TRIGGER imports_note_progress BEFORE UPDATE ON imports.imports
    FOR EACH ROW WHEN ((OLD.state, OLD.attempt, OLD.pending) IS DISTINCT FROM (NEW.state, NEW.attempt, NEW.pending))
    EXECUTE FUNCTION imports.note_progress();

-- What the sweep looks at: few at any time, however many imports are over.
CREATE INDEX imports_unfinished ON imports.imports (progress_at) WHERE state IN ('received', 'running');

CREATE TABLE imports.probes (
    queue       text PRIMARY KEY,
    round       bigint NOT NULL,
    since       timestamptz NOT NULL,
    sent_at     timestamptz NOT NULL,
    returned_at timestamptz
);
COMMENT ON TABLE imports.probes IS
    'Messages of the sweep that are under way. Queues keep their order: when a probe comes out of its queue, everything that was put into it before has come out too.';
COMMENT ON COLUMN imports.probes.queue IS 'The work queue, by its routing key.';
COMMENT ON COLUMN imports.probes.round IS 'All queues are probed in one round; probes of an earlier one that come late do not count.';
COMMENT ON COLUMN imports.probes.since IS 'When the round began.';
COMMENT ON COLUMN imports.probes.sent_at IS 'When the probe was sent last: a probe can be lost as any message.';
COMMENT ON COLUMN imports.probes.returned_at IS 'When it came out of the queue.';
CREATE SEQUENCE imports.probe_rounds;
COMMENT ON SEQUENCE imports.probe_rounds IS 'Numbers of rounds.';

GRANT SELECT, INSERT, UPDATE, DELETE ON imports.probes TO user_import_worker;
GRANT USAGE ON SEQUENCE imports.probe_rounds TO user_import_worker;
