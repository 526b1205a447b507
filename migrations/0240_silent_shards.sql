-- Shards whose queue does not answer, as a quorum queue without a leader: imports go to other shards meanwhile.

CREATE TABLE imports.silent_shards (
    shard integer PRIMARY KEY CHECK (shard >= 0),
    until timestamptz NOT NULL
);
COMMENT ON TABLE imports.silent_shards IS
    'Shards one of whose queues did not confirm a message. No import is put there, and the rescue does not wait for their markers.';
COMMENT ON COLUMN imports.silent_shards.shard IS 'Number of the shard, from 0.';
COMMENT ON COLUMN imports.silent_shards.until IS
    'When the shard is tried again, unless a queue of it was silent once more in between.';

GRANT SELECT, INSERT, UPDATE ON imports.silent_shards TO user_import_worker;
