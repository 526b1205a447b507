-- When a worker could not reach a server: an import that stood still meanwhile shows why.

CREATE TABLE imports.outages (
    outage_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker    text NOT NULL CHECK (octet_length(worker) BETWEEN 1 AND 253),
    server    text NOT NULL CHECK (server IN ('database', 'broker')),
    began_at  timestamptz NOT NULL,
    ended_at  timestamptz NOT NULL CHECK (ended_at >= began_at)
);
COMMENT ON TABLE imports.outages IS
    'When workers could not reach a server, as each of them saw it, for 30 days; written once it is over, and not of what lasted some seconds.';
COMMENT ON COLUMN imports.outages.outage_id IS 'Number of the entry.';
COMMENT ON COLUMN imports.outages.worker IS 'The worker, as in imports.workers.';
COMMENT ON COLUMN imports.outages.server IS 'What it could not reach: database or broker.';
COMMENT ON COLUMN imports.outages.began_at IS 'When it noticed.';
COMMENT ON COLUMN imports.outages.ended_at IS 'When it worked again.';

CREATE INDEX outages_by_end ON imports.outages (ended_at);

CREATE FUNCTION imports.note_outage(of_worker text, of_server text, began_ago double precision, ended_ago double precision)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    began timestamptz := clock_timestamp() - make_interval(secs => began_ago);
    ended timestamptz := clock_timestamp() - make_interval(secs => ended_ago);
BEGIN
    -- A link that breaks again and again is one outage: so a worker adds an entry a minute at most.
    UPDATE imports.outages SET ended_at = greatest(ended_at, ended)
     WHERE worker = of_worker AND server = of_server AND ended_at > began - interval '1 minute';
    IF NOT FOUND THEN
        INSERT INTO imports.outages (worker, server, began_at, ended_at) VALUES (of_worker, of_server, began, ended);
    END IF;
    DELETE FROM imports.outages WHERE ended_at < clock_timestamp() - interval '30 days';
END
$$;
COMMENT ON FUNCTION imports.note_outage(text, text, double precision, double precision) IS
    'Notes that a worker could not reach a server, from so many seconds ago until so many seconds ago.';
REVOKE EXECUTE ON FUNCTION imports.note_outage(text, text, double precision, double precision) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION imports.note_outage(text, text, double precision, double precision) TO user_import_worker;

GRANT SELECT ON imports.outages TO user_import_operator, user_import_console;
