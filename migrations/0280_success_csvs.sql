-- Two questions that doctor, the console and every scrape of metrics ask, and that would otherwise read every import: which
-- success CSV is the oldest that was not purged, and which imports are retried.

-- A large table is indexed for longer than a statement may otherwise take. Workers' writes wait meanwhile, and are retried.
SET LOCAL statement_timeout = 0;

-- As `purge` finds them.
CREATE INDEX imports_success_csvs ON imports.imports (finished_at)
    WHERE (state IN ('completed', 'cancelled', 'rejected') OR state = 'failed' AND sealed_seed IS NULL)
          AND success_purged_at IS NULL AND planned_at IS NOT NULL;
COMMENT ON INDEX imports.imports_success_csvs IS 'For the oldest success CSV that was not purged.';

CREATE INDEX imports_delayed ON imports.imports (progress_at) WHERE delayed_since IS NOT NULL;
COMMENT ON INDEX imports.imports_delayed IS 'For the imports that are retried.';
