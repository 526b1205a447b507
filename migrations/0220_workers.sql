-- Which workers there are: each tells so every ten seconds, and takes its leave when it ends.

CREATE TABLE imports.workers (
    name       text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 253),
    version    text NOT NULL CHECK (octet_length(version) BETWEEN 1 AND 100),
    started_at timestamptz NOT NULL,
    beat_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    stage      text NOT NULL CHECK (octet_length(stage) BETWEEN 1 AND 100),
    in_hand    integer NOT NULL CHECK (in_hand >= 0)
);
COMMENT ON TABLE imports.workers IS
    'Workers that run, and those that ended without taking their leave, until a purge. Workers of earlier releases are not among them.';
COMMENT ON COLUMN imports.workers.name IS 'Its name, as in its log and metrics.';
COMMENT ON COLUMN imports.workers.version IS 'Version of its program.';
COMMENT ON COLUMN imports.workers.started_at IS 'When it started.';
COMMENT ON COLUMN imports.workers.beat_at IS 'When it last told that it is there.';
COMMENT ON COLUMN imports.workers.stage IS
    'What it was about to do then, in words: consuming, if it was connected and took messages.';
COMMENT ON COLUMN imports.workers.in_hand IS 'Messages that it held then and worked on.';

-- Workers share a log-in, which may do these two things and nothing else with the table.
CREATE FUNCTION imports.beat(worker text, of_version text, up_seconds double precision, doing text, holding integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO imports.workers (name, version, started_at, stage, in_hand)
    VALUES (worker, of_version, clock_timestamp() - make_interval(secs => up_seconds), doing, holding)
    ON CONFLICT (name) DO UPDATE
       SET version = excluded.version, started_at = excluded.started_at, beat_at = excluded.beat_at,
           stage = excluded.stage, in_hand = excluded.in_hand
$$;
COMMENT ON FUNCTION imports.beat(text, text, double precision, text, integer) IS 'Notes that a worker is there, and what it does.';
CREATE FUNCTION imports.leave(worker text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM imports.workers WHERE name = worker
$$;
COMMENT ON FUNCTION imports.leave(text) IS 'Forgets a worker that has ended.';
REVOKE EXECUTE ON FUNCTION imports.beat(text, text, double precision, text, integer), imports.leave(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION imports.beat(text, text, double precision, text, integer), imports.leave(text) TO user_import_worker;

GRANT SELECT ON imports.workers TO user_import_console;
-- A purge removes those that have not been heard of for a day.
GRANT SELECT, DELETE ON imports.workers TO user_import_operator;
