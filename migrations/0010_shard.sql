-- Fairness between tenants: which of the shard queues an import's batches go to is decided when it is planned, by what
-- the shards hold at that moment. It is kept, so that a batch that is published again goes the same way.

ALTER TABLE imports.imports ADD COLUMN shard smallint CHECK (shard >= 0);
COMMENT ON COLUMN imports.imports.shard IS
    'Number of the shard queue of its batches, the one that held the fewest rows of other tenants; NULL until planned.';

-- The running imports are few, whatever the history is: what the shards hold is summed up from them.
CREATE INDEX imports_running ON imports.imports (shard) WHERE state = 'running';
