-- Operators pause and resume by the console too; as everywhere, nobody chooses when a pause began.
GRANT INSERT (tenant_id, paused_by, reason), UPDATE (resumed_at, resumed_by) ON imports.pauses TO user_import_console;
