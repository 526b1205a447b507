-- The oldest success CSV that is still there shows whether `purge` runs: without this index it takes a look at every import.

CREATE INDEX imports_success_csvs ON imports.imports (finished_at)
    WHERE state IN ('completed', 'cancelled') AND planned_at IS NOT NULL AND success_purged_at IS NULL;
COMMENT ON INDEX imports.imports_success_csvs IS 'For the oldest success CSV that was not purged.';
