-- An import's shard is chosen twice: when its job is received, for its plan, by the plans that wait; and when it is planned, for
-- its batches, by the rows that wait. Before the plan nobody knows how many rows an import has, and a guess led small imports
-- behind large ones.

COMMENT ON COLUMN imports.imports.shard IS
    'Number of the shard in whose queues its plan waits, and once it is planned its batches: the one that held the least of other tenants when it was chosen. NULL in between.';

-- What shards hold is summed up over all unfinished imports, and imports_unfinished finds these as well.
DROP INDEX imports.imports_held_by_shards;
