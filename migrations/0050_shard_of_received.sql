-- An import's shard is chosen when its job is received, no longer when it is planned: its plan, too, waits in a queue of the
-- shard, so that whoever floods one does not keep the others from being planned.

COMMENT ON COLUMN imports.imports.shard IS
    'Number of the shard whose queues its plan and its batches go to: the one that held the fewest rows of other tenants when the job was received. NULL if that was before this column was kept so early.';

DROP INDEX imports.imports_running;
CREATE INDEX imports_held_by_shards ON imports.imports (shard) WHERE state IN ('received', 'running');
