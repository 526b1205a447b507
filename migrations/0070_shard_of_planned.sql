-- An import's shard is chosen twice: when its job is received, for its plan, by the plans that wait; and when it is planned, for
-- its batches, by the rows that wait. Before the plan nobody knows how many rows an import has, and a guess led small imports
-- behind large ones.

COMMENT ON COLUMN imports.imports.shard IS
    'Number of the shard in whose queues its plan waits, and once it is planned its batches: the one that held the least of other tenants when the job was received, and when it was planned. NULL if an earlier version received it.';
