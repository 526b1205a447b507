-- What the Dialer's own database user may read: views with columns that stay, and nothing of seeds, cells or messages.

CREATE VIEW imports.import_status AS
SELECT i.import_id, i.tenant_id, i.state, i.attempt,
       i.job ->> 'mode' AS mode, i.job ->> 'requested_by' AS requested_by, i.job #>> '{source,key}' AS source_key,
       i.total, i.pending, i.created, i.duplicates, i.errors, i.cancelled,
       i.encoding, i.delimiter, i.ignored_rows, i.ignored_columns,
       i.rejection_code, coalesce(i.rejection_event_message, i.rejection_message) AS rejection_message, i.failure_reason,
       i.received_at, i.planned_at, i.delayed_since, i.finished_at, i.success_purged_at, i.rows_purged_at
  FROM imports.imports i;
COMMENT ON VIEW imports.import_status IS 'Imports as the Dialer may see them. Columns may be added; none changes its meaning.';
COMMENT ON COLUMN imports.import_status.import_id IS 'The import.';
COMMENT ON COLUMN imports.import_status.tenant_id IS 'Its tenant. Whoever reads for a tenant has to compare it.';
COMMENT ON COLUMN imports.import_status.state IS
    'received, running, completed, rejected, failed or cancelled; the last four are final, until an operator replays the import.';
COMMENT ON COLUMN imports.import_status.attempt IS '1 for the first run, one more for each replay.';
COMMENT ON COLUMN imports.import_status.mode IS 'import or validate.';
COMMENT ON COLUMN imports.import_status.requested_by IS 'Who pressed the button, as the job says.';
COMMENT ON COLUMN imports.import_status.source_key IS 'Object key of the upload.';
COMMENT ON COLUMN imports.import_status.total IS 'Rows of the file; 0 until they are known.';
COMMENT ON COLUMN imports.import_status.pending IS 'Rows without an outcome.';
COMMENT ON COLUMN imports.import_status.created IS 'Rows that became users, in all attempts.';
COMMENT ON COLUMN imports.import_status.duplicates IS 'Rows whose only problem is that the user is there already.';
COMMENT ON COLUMN imports.import_status.errors IS 'Rows that need fixing.';
COMMENT ON COLUMN imports.import_status.cancelled IS 'Rows that a cancellation left undone.';
COMMENT ON COLUMN imports.import_status.encoding IS 'Encoding that was taken for the file; NULL until it was read.';
COMMENT ON COLUMN imports.import_status.delimiter IS 'Delimiter that was taken for the file.';
COMMENT ON COLUMN imports.import_status.ignored_rows IS 'Rows that only look filled.';
COMMENT ON COLUMN imports.import_status.ignored_columns IS 'Positions, from 1, of the columns that have a name and were not read.';
COMMENT ON COLUMN imports.import_status.rejection_code IS 'Why it was rejected as a whole.';
COMMENT ON COLUMN imports.import_status.rejection_message IS 'The same in a sentence, as in the event.';
COMMENT ON COLUMN imports.import_status.failure_reason IS 'Why it failed.';
COMMENT ON COLUMN imports.import_status.received_at IS 'When a worker first took the job.';
COMMENT ON COLUMN imports.import_status.planned_at IS 'When all rows had been validated.';
COMMENT ON COLUMN imports.import_status.delayed_since IS 'Since when it has been tried again without progress; NULL if it is not.';
COMMENT ON COLUMN imports.import_status.finished_at IS 'When the state became final.';
COMMENT ON COLUMN imports.import_status.success_purged_at IS 'When a purge deleted the success CSVs.';
COMMENT ON COLUMN imports.import_status.rows_purged_at IS 'When a purge deleted the rows and the error CSVs.';

CREATE VIEW imports.attempt_reports AS
SELECT a.import_id, a.tenant_id, a.attempt, a.state, a.created, a.success_key, a.errors_key, a.finished_at
  FROM imports.attempts a;
COMMENT ON VIEW imports.attempt_reports IS
    'Attempts that have come to their end, with their reports: the success CSVs of all of them hold the passwords of an import.';
COMMENT ON COLUMN imports.attempt_reports.import_id IS 'The import.';
COMMENT ON COLUMN imports.attempt_reports.tenant_id IS 'Its tenant.';
COMMENT ON COLUMN imports.attempt_reports.attempt IS '1 for the first run, one more for each replay.';
COMMENT ON COLUMN imports.attempt_reports.state IS 'The state that it ended in.';
COMMENT ON COLUMN imports.attempt_reports.created IS 'Rows that became users in it, and stand in its success CSV.';
COMMENT ON COLUMN imports.attempt_reports.success_key IS 'Object key of its success CSV; NULL if it wrote no reports.';
COMMENT ON COLUMN imports.attempt_reports.errors_key IS 'Object key of its error CSV.';
COMMENT ON COLUMN imports.attempt_reports.finished_at IS 'When it ended; NULL if that was before this was kept.';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'user_import_reader') THEN
        CREATE ROLE user_import_reader NOLOGIN;
    END IF;
EXCEPTION
    -- Roles belong to the whole cluster: a migration of another database may have been quicker.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

GRANT USAGE ON SCHEMA imports TO user_import_reader;
-- The views read the tables with their owner's rights, so that nothing else of them can be read.
GRANT SELECT ON imports.import_status, imports.attempt_reports, imports.purged_imports TO user_import_reader;
